"""What Snakemake says before it runs anything: plans, refusals, style."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
from snakemake.cli import get_argument_parser
from workspace import ROOT, TINY, make_workspace, snakemake

from virtual_staining.workflow.profile_link import link_profile


def jobs(text):
    """Return {rule: count} from the job table that Snakemake prints."""
    lines = text[text.index("Job stats:") :].splitlines()[3:]
    table = {}
    for line in lines:
        if not line.strip():
            break
        name, count = line.split()[:2]
        table[name] = int(count)
    return table


def test_slurm_profile_by_its_bare_name_plans_the_papers_size(tmp_path):
    make_workspace(tmp_path, {})
    config_home = tmp_path / "config-home"
    link_profile(folder=config_home / "snakemake")
    done = snakemake(
        tmp_path,
        *("--profile", "slurm-gpu", "-n"),
        environment={"XDG_CONFIG_HOME": str(config_home)},
    )
    assert done.returncode == 0, done.stdout[-3000:]
    counts = jobs(done.stdout)
    assert counts["train_model"] == 20
    assert counts["make_cohort_sample"] == counts["register_section"] == 53
    # What comes after the folds waits for them, not for every section's images.
    rules = (
        "train_model",
        "infer_slides",
        "evaluate_patches",
        "evaluate_references",
        "draw_models",
    )
    for rule in rules:
        for text in done.stdout.split(f"rule {rule}:\n")[1:]:
            assert len(re.search(r"input: (.*)", text)[1].split(", ")) <= 5, rule
    trainings = done.stdout.split("rule train_model:")[1:]
    assert len(trainings) == 20
    assert all("gpu=1" in text.split("\nrule ")[0] for text in trainings)


def test_lint_and_format_are_clean(tmp_path):
    make_workspace(tmp_path, {})
    done = snakemake(tmp_path, "--lint")
    assert done.returncode == 0, done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "snakefmt", "--check", ROOT / "Snakefile", ROOT / "rules"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_check_reads_the_headers_and_runs_no_job_of_the_chain(tmp_path):
    make_workspace(tmp_path, {"samples": "samples.tsv", "ingest": {"voxel_size_um": 5}})
    volume = np.random.default_rng(0).integers(0, 99, (9, 8, 7)).astype("u2")
    tifffile.imwrite(tmp_path / "ct.tif", volume, photometric="minisblack")
    (tmp_path / "samples.tsv").write_text("sample\tvolume\tvoxel_size_um\nA\tct.tif\t5\n")
    done = snakemake(tmp_path, "check", "--cores", "1")
    assert done.returncode == 0, done.stdout[-3000:]
    assert jobs(done.stdout) == {"check": 1, "total": 1}
    assert re.search("volume +TIFF stack +uint16 +z, y, x +9 × 8 × 7 +0.045", done.stdout)
    assert "9 × 8 × 7" in (tmp_path / "results/check.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("study", "words"),
    [
        ({"train": {"epoch": 3}}, ["train.epoch", "unknown key", "did you mean 'epochs'"]),
        ({"train": {"epochs": "many"}}, ["train.epochs", "whole number"]),
        ({"modles": ["pix2pix"]}, ["modles", "unknown key", "models"]),
        ({"models": ["pix3pix"]}, ["models", "pix2pix"]),
        ({"samples": "none.tsv"}, ["none.tsv", "no such sample sheet"]),
    ],
)
def test_a_wrong_setting_is_refused_by_name(tmp_path, study, words):
    make_workspace(tmp_path, study)
    done = snakemake(tmp_path, "-n")
    assert done.returncode != 0
    for word in words:
        assert word in done.stdout
    assert "Traceback" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("error: "), done.stdout


def test_a_configuration_that_is_no_text_is_refused_before_it_is_read(tmp_path):
    make_workspace(tmp_path, {})
    (tmp_path / "config.yaml").unlink()
    (tmp_path / "config.yaml").write_bytes("seed: 1 # µm".encode("latin-1"))
    done = snakemake(tmp_path, "-n")
    assert done.stdout.splitlines()[-1].startswith("error: config.yaml: not UTF-8 text"), (
        done.stdout
    )


def sheet_row(folder, **changes):
    row = {
        "sample": "a",
        "volume": "a.mha",
        "slide": "a.png",
        "stain": "hematoxylin_eosin",
        "material": "Mg",
        "role": "crossval",
        "voxel_size_um": "5",
        "slide_pixel_um": "1",
        **changes,
    }
    pd.DataFrame([row]).to_csv(folder / "samples.tsv", sep="\t", index=False)


def test_a_wrong_column_or_missing_file_is_named_before_any_job(tmp_path):
    make_workspace(tmp_path, {"samples": "samples.tsv"})
    sheet_row(tmp_path, voxel_um="5")
    done = snakemake(tmp_path, "--cores", "1")
    assert done.returncode != 0
    assert "voxel_um: unknown key; did you mean 'voxel_size_um'" in done.stdout
    sheet_row(tmp_path)
    done = snakemake(tmp_path, "--cores", "1")
    assert done.returncode != 0
    assert "a: volume: a.mha" in done.stdout
    assert "a: slide: a.png" in done.stdout
    assert not (tmp_path / "results").exists()
    # Once a pair is made, its raw files may go.
    stats = tmp_path / "results/03_normalize/a/stats.json"
    stats.parent.mkdir(parents=True)
    stats.write_text("{}")
    done = snakemake(tmp_path, "-n", "results/03_normalize/a/stats.json")
    assert "a: volume: a.mha" not in done.stdout and "Building DAG" in done.stdout
    assert "stain hematoxylin_eosin: too few groups" in done.stdout


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("results/04_mask/nobody/mask.tif", "the sample sheet has no section 'nobody'"),
        ("results/01_ingest/nowhere/ct.ome.zarr", "the sample sheet has no volume 'nowhere'"),
    ],
)
def test_a_target_that_the_sheet_does_not_know_is_named(tmp_path, target, words):
    make_workspace(tmp_path, TINY)
    done = snakemake(tmp_path, "-n", target)
    assert done.returncode != 0
    assert words in done.stdout


def test_profiles_hold_snakemakes_own_options(tmp_path):
    options = {
        text.removeprefix("--")
        for action in get_argument_parser()._actions
        for text in action.option_strings
    }
    names = set()
    for path in (ROOT / "profiles").glob("*/config.yaml"):
        names.add(path.parent.name)
        assert set(yaml.safe_load(path.read_text(encoding="utf-8"))) <= options, path
    # Snakemake would take a profile called default in addition to any other.
    assert "default" not in names and "demo" in names


def test_a_run_that_could_not_be_evaluated_stops_before_any_job(tmp_path):
    lpips = {"lpips": True, "lpips_backbone": "none.pth"}
    make_workspace(tmp_path, {**TINY, "evaluate": {**TINY["evaluate"], **lpips}})
    done = snakemake(tmp_path, "--cores", "1")
    assert done.returncode != 0
    assert "none.pth" in done.stdout and "lpips" in done.stdout
    assert not list((tmp_path / "results").glob("0*"))


def test_a_stain_may_have_fewer_models_than_the_others(tmp_path):
    """The paper's S2: two models for H&E beside all models for toluidine blue."""
    stains = {
        "toluidine_blue": {"crossval": {"Mg": 4}, "test": {"Mg": 1}},
        "hematoxylin_eosin": {"crossval": {"Mg": 4}, "test": {"Mg": 1}},
    }
    study = {
        **TINY,
        "models": ["paired_cyclegan", "pix2pix", "cyclegan"],
        "stain_models": {"hematoxylin_eosin": ["pix2pix", "paired_cyclegan"]},
        "cohort": {**TINY["cohort"], "stains": stains},
    }
    done = snakemake(make_workspace(tmp_path, study), "-n", "--quiet", "host")
    assert done.returncode == 0, done.stdout
    trained = set(re.findall(r"06_train/(\w+)/(\w+)/fold-1/generator.pt", done.stdout))
    assert {model for stain, model in trained if stain == "hematoxylin_eosin"} == {
        "paired_cyclegan", "pix2pix"
    }  # fmt: skip
    assert ("toluidine_blue", "cyclegan") in trained and len(trained) == 5
    table = done.stdout[done.stdout.index("rule tabulate_metrics") :]
    assert "08_evaluate/hematoxylin_eosin/cyclegan" not in done.stdout and "pix2pix" in table


def test_levels_in_the_sheet_reach_the_staining_of_that_volume_alone(tmp_path):
    automatic = {"samples": "samples.tsv", "register": {"mode": "auto"}}
    make_workspace(tmp_path, {**TINY, **automatic, "stain": {"volumes": "all"}})
    rows = []
    for name in ("a", "b", "c", "only"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros((20, 20, 20), np.uint16))
        tifffile.imwrite(tmp_path / f"{name}-slide.tif", np.zeros((20, 20, 3), np.uint8))
        row = {"sample": name, "volume": f"{name}.tif", "stain": "he", "voxel_size_um": "20"}
        section = {"slide": f"{name}-slide.tif", "role": "crossval", "slide_pixel_um": "20"}
        rows.append({**row, **({"ct_levels": "100,2000.5"} if name == "only" else section)})
    pd.DataFrame(rows).fillna("").to_csv(tmp_path / "samples.tsv", sep="\t", index=False)
    done = snakemake(tmp_path, "-n", "-p")
    assert done.returncode == 0, done.stdout
    commands = re.findall(r"virtual_staining stain .*? --out \S+", done.stdout)
    given = {command for command in commands if "--levels 100 2000.5 " in command}
    assert given == {command for command in commands if "01_ingest/only/" in command}
    assert len(given) == 1 and len(commands) == 4


def test_a_pixel_size_that_the_sheet_insists_on_reaches_its_aligned_pair_alone(tmp_path):
    folder = make_workspace(tmp_path, {**TINY, "samples": "samples.tsv"})
    rows = ["sample\tct_image\tslide\tstain\tmaterial\trole\tslide_pixel_um"]
    for name, um in (("a", "4!"), ("b", "4"), ("c", "4"), ("d", "")):
        (folder / f"{name}.tif").touch()
        rows.append(f"{name}\t{name}.tif\t{name}.tif\ttb\tMg\tcrossval\t{um}")
    (folder / "samples.tsv").write_text("\n".join(rows) + "\n")
    text = snakemake(folder, "pairs", "-n", "-p", "--cores", "1").stdout
    for name in "abcd":
        (command,) = re.findall(rf"register section --ct (?:\S*/)?{name}\.tif .*", text)
        assert ("--insist" in command) == (name == "a")
