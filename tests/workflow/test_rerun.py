"""What a change of configuration or raw files makes Snakemake do again, and what it does not."""

import json
import os
import re
import shutil

import pytest
import yaml
from workspace import TINY, make_workspace, snakemake

from virtual_staining.cli import main

pytestmark = pytest.mark.workflow


def run(folder, *arguments):
    done = snakemake(folder, "--cores", "2", *arguments)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def planned(folder, change, *targets):
    """Return the jobs that a changed study would run: rule, and model where it has one."""
    study = {**TINY, **yaml.safe_load((folder / "base.yaml").read_text())}
    for block, values in change.items():
        study[block] = {**study.get(block, {}), **values}
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    text = run(folder, *targets, "-n")
    jobs = set()
    for job in re.split(r"^(?:local)?(?:rule|checkpoint) ", text, flags=re.MULTILINE)[1:]:
        model = re.search(r"wildcards: .*model=(\w+)", job.split("\n\n")[0])
        jobs.add(job.split(":")[0] + (f" {model[1]}" if model else ""))
    return jobs


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study of one's own files in which everything has been computed once."""
    folder = make_workspace(tmp_path_factory.mktemp("rerun"), TINY)
    settings = {**TINY["cohort"], "ct_formats": ["tiff_folder"], "annotated_fraction": 1}
    common = ("--settings", json.dumps(settings), "--seed", "1")
    raw = folder / "raw"
    assert main(["cohort", "sheet", *common, "--out", str(raw / "samples.tsv")]) == 0
    for row in (raw / "samples.tsv").read_text().splitlines()[1:]:
        sample = row.split("\t")[0]
        made = ["--sample", sample, "--out", str(raw / sample)]
        assert main(["cohort", "sample", *common, *made]) == 0
    (folder / "base.yaml").write_text("samples: raw/samples.tsv")
    planned(folder, {}, "pairs")
    run(folder)
    return folder


@pytest.mark.parametrize(
    "change",
    [
        {"train": {"tensorboard": True, "checkpoint_minutes": 3}},
        {"train": {"lambda_cyc": 6, "learning_rate": 2.0e-4, "jitter": 0.10}},
        {"infer": {"batch_patches": 2}, "stain": {"batch_patches": 2}},
        {"register": {"scan_beam": [300, 2], "scan_rotations": 500}},
        {"register": {"section_thickness_um": 40.0}},
    ],
)
def test_what_reaches_no_result_does_nothing(finished, change):
    assert planned(finished, change) == set()


@pytest.mark.parametrize(
    ("change", "first", "never"),
    [
        ({"train": {"lambda_l1": 5}}, "train_model pix2pix", "train_model paired_cyclegan"),
        ({"train": {"lambda_px": 5}}, "train_model paired_cyclegan", "train_model pix2pix"),
        (
            {"train": {"infer_checkpoint": "total"}},
            "choose_generator pix2pix",
            "train_model pix2pix",
        ),
        ({"train": {"residual_blocks": 2}}, "train_model paired_cyclegan", "train_model pix2pix"),
        ({"register": {"fan_beam": [64, 2]}}, "register_section", "ingest_volume"),
        ({"register": {"failed": "drop"}}, "split_folds", "register_section"),
        ({"normalize": {"low_margin": 6}}, "normalize_pair", "register_section"),
        ({"evaluate": {"bootstrap_resamples": 60}}, "tabulate_metrics", "evaluate_patches pix2pix"),
        ({"figures": {"roi_px": 21}}, "draw_slides", "draw_patches"),
        ({"stain": {"sigma_voxel": 2}}, "stain_volume paired_cyclegan", "train_model pix2pix"),
    ],
)
def test_what_reaches_a_result_runs_that_and_what_follows(finished, change, first, never):
    jobs = planned(finished, change)
    assert first in jobs and never not in jobs, jobs


def test_a_review_registers_nothing_again(finished):
    table = (finished / "results/02_register/registration.csv").read_text().splitlines()
    sample, result = (table[1].split(",")[k] for k in (0, -1))
    review = finished / "raw/review.tsv"
    review.write_text(f"sample\tdecision\tresult\n{sample}\treject\t{result}\n")
    jobs = planned(finished, {})
    review.unlink()
    assert {"review_registrations", "split_folds"} <= jobs
    assert not {"register_section", "normalize_pair", "mask_pair"} & jobs


def test_a_key_without_effect_hides_no_other(finished):
    change = {"train": {"tensorboard": True, "lambda_l1": 5}, "infer": {"batch_patches": 2}}
    assert "train_model pix2pix" in planned(finished, change)


def test_a_training_that_was_begun_anew_and_failed_is_still_needed(finished, tmp_path):
    folder = finished / "results/06_train/toluidine_blue/pix2pix/fold-1"
    for name in ("best", "history.csv", "curves.png"):  # Snakemake removes them before the job
        shutil.move(folder / name, tmp_path / name)
    jobs = planned(finished, {"train": {"lambda_l1": 5}})
    for path in tmp_path.iterdir():
        shutil.move(path, folder / path.name)
    assert "train_model pix2pix" in jobs
    assert planned(finished, {}) == set()


def test_settings_files_made_again_run_nothing(finished):
    shutil.rmtree(finished / "results/settings")
    assert planned(finished, {}) == set()
    for path in (finished / "results/05_split").rglob("*.json"):
        os.utime(path)
    assert planned(finished, {}) == set()


def harmless(rows, raw):
    """Swap rows and columns, spell paths otherwise, add comments and a volume to look at."""
    relative, absolute = "./Mg-01/../Mg-01/ct", str(raw.absolute() / "Mg-02/ct")
    rows = [row.replace("\tMg-01/ct", f"\t{relative}") for row in rows]
    rows = [row.replace("\tMg-02/ct", f"\t{absolute}").replace("60.0", "60") for row in rows]
    bare = ["Mg-08", "Mg-03/ct", *[""] * 5, "60", *[""] * 4]
    rows = [rows[0], "\t".join(bare), *reversed(rows[1:])]
    return ["# a remark", *("\t".join(reversed(row.split("\t"))) for row in rows)]


def coarser_test_slide(rows, raw):
    """Change a cell of a sample that no training sees."""
    return [row.replace("30.0", "31") if row.startswith("Mg-03") else row for row in rows]


def restored(rows, raw):
    """Restore all raw files without their times."""
    for path in raw.rglob("*"):
        os.utime(path)
    return rows


@pytest.mark.parametrize(
    ("change", "runs"),
    [
        (harmless, set()),
        (coarser_test_slide, {"ingest_slide", "register_section", "split_folds"}),
        (restored, {"ingest_volume", "split_folds"}),
    ],
)
def test_an_edit_of_the_sheet_trains_nothing_that_it_does_not_reach(finished, change, runs):
    sheet = finished / "raw/samples.tsv"
    times = {path: path.stat().st_mtime_ns for path in (finished / "raw").rglob("*")}
    kept = sheet.read_text()
    sheet.write_text("\n".join(change(kept.splitlines(), finished / "raw")) + "\n")
    jobs = planned(finished, {})
    sheet.write_text(kept)
    for path, time in times.items():
        os.utime(path, ns=(time, time))
    assert runs <= jobs and bool(runs) == bool(jobs), jobs
    assert not {job for job in jobs if job.startswith(("train", "infer", "evaluate"))}


def test_equal_pairs_made_again_train_nothing_in_the_same_command(finished):
    (finished / "results/03_normalize/Mg-03/stats.json").unlink()
    text = run(finished, "pairs", "all")  # `pairs` asks for the file, which nothing else misses
    assert "rule normalize_pair:" in text and "checkpoint split_folds:" in text
    assert "rule train_model:" not in text and "rule infer_slides:" not in text
    assert planned(finished, {}) == set()


@pytest.mark.parametrize("place", ["clone", "moved", "spelled"])
def test_another_place_trains_nothing(finished, place, tmp_path):
    """A new clone has no record of Snakemake's: by their times the folds are newer than slides."""
    folder, change = finished, {}
    if place == "spelled":
        change = {"results": str(finished / "results/../results") + "/"}
    else:
        folder = make_workspace(tmp_path, TINY)  # the program's files are new, as after git pull
        for name in ("raw", "results", *([".snakemake"] if place == "moved" else [])):
            shutil.copytree(finished / name, folder / name, symlinks=True)
    (folder / "base.yaml").write_text(yaml.safe_dump({"samples": "raw/samples.tsv", **change}))
    jobs = planned(folder, {})
    (folder / "base.yaml").write_text("samples: raw/samples.tsv")
    assert jobs == set() or place == "clone"
    assert not {job for job in jobs if job.startswith(("train", "choose", "register", "ingest"))}


def test_copied_results_of_other_settings_are_not_silently_up_to_date(finished, tmp_path):
    """Snakemake knows nothing of results in a copy of the folder."""
    folder = make_workspace(tmp_path, TINY)
    for name in ("raw", "results"):
        shutil.copytree(finished / name, folder / name, symlinks=True)
    changed = {"samples": "raw/samples.tsv", "train": {**TINY["train"], "lambda_px": 3.0}}
    (folder / "study.yaml").write_text(yaml.safe_dump({**TINY, **changed}))
    done = snakemake(folder, "-n")
    assert done.returncode == 0
    assert "train.lambda_px was 6.0 and is 3.0" in done.stdout


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("annotations.geojson", {"normalize_pair", "mask_pair"}),
        ("initial_pose.json", {"register_section", "normalize_pair", "mask_pair"}),
        ("ct/slice_00010.tif", {"ingest_volume", "register_section", "normalize_pair"}),
    ],
)
def test_an_edited_raw_file_is_noticed(finished, file, rules):
    assert planned(finished, {}, "pairs") == set()
    path = finished / "raw/Mg-01" / file
    if not path.exists():
        path = sorted(path.parent.glob("*.tif"))[10]
    kept, times = path.read_bytes(), path.stat()
    path.write_bytes(kept + b" ")
    assert rules <= planned(finished, {}, "pairs")
    path.write_bytes(kept)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert planned(finished, {}, "pairs") == set()


def test_an_annotation_that_is_gone_is_named_though_the_pair_is_made(finished):
    path = finished / "raw/Mg-01/annotations.geojson"
    aside = path.rename(path.with_suffix(".aside"))
    done = snakemake(finished, "-n", "pairs")
    aside.rename(path)
    assert done.returncode != 0
    assert "Mg-01: annotations: raw/Mg-01/annotations.geojson" in done.stdout
