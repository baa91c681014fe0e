"""What a change of configuration or raw files makes Snakemake do again, and what it does not."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from workspace import TINY, make_workspace, snakemake

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
    for job in re.split(r"^(?:local)?rule ", text, flags=re.MULTILINE)[1:]:
        model = re.search(r"wildcards: .*model=(\w+)", job.split("\n\n")[0])
        jobs.add(job.split(":")[0] + (f" {model[1]}" if model else ""))
    return jobs


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study in which everything has been computed once."""
    folder = make_workspace(tmp_path_factory.mktemp("rerun"), TINY)
    (folder / "base.yaml").write_text("{}")
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
    review = finished / "results/review.tsv"
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


@pytest.fixture(scope="module")
def own_data(tmp_path_factory):
    """A study of one's own files whose pairs have been made."""
    folder = make_workspace(tmp_path_factory.mktemp("own"), TINY)
    settings = json.dumps(
        {**TINY["cohort"], "ct_formats": ["tiff_folder"], "annotated_fraction": 1}
    )
    raw = folder / "raw"
    common = ("--settings", settings, "--seed", "1")
    stage = [sys.executable, "-m", "virtual_staining", "cohort"]
    environment = {**os.environ, "PYTHONPATH": str(folder / "workflow_scripts")}
    sheet = [*stage, "sheet", *common, "--out", str(raw / "samples.tsv")]
    subprocess.run(sheet, env=environment, check=True, capture_output=True)
    rows = (raw / "samples.tsv").read_text().splitlines()
    for row in rows[1:]:
        sample = row.split("\t")[0]
        made = [*stage, "sample", *common, "--sample", sample, "--out", str(raw / sample)]
        subprocess.run(made, env=environment, check=True, capture_output=True)
    (folder / "base.yaml").write_text("samples: raw/samples.tsv")
    planned(folder, {}, "pairs")
    run(folder, "pairs")
    return folder


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("annotations.geojson", {"normalize_pair", "mask_pair"}),
        ("initial_pose.json", {"register_section", "normalize_pair", "mask_pair"}),
        ("ct/slice_00010.tif", {"ingest_volume", "register_section", "normalize_pair"}),
    ],
)
def test_an_edited_raw_file_is_noticed(own_data, file, rules):
    assert planned(own_data, {}, "pairs") == set()
    path = own_data / "raw/Mg-01" / file
    if not path.exists():
        path = sorted(path.parent.glob("*.tif"))[10]
    kept, times = path.read_bytes(), path.stat()
    path.write_bytes(kept + b" ")
    assert rules <= planned(own_data, {}, "pairs")
    path.write_bytes(kept)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert planned(own_data, {}, "pairs") == set()


def test_an_annotation_that_is_gone_is_named_though_the_pair_is_made(own_data):
    path = own_data / "raw/Mg-01/annotations.geojson"
    aside = path.rename(path.with_suffix(".aside"))
    done = snakemake(own_data, "-n", "pairs")
    aside.rename(path)
    assert done.returncode != 0
    assert "Mg-01: annotations: raw/Mg-01/annotations.geojson" in done.stdout
