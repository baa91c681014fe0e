"""The whole chain on a tiny cohort, and what a user does with it afterwards."""

import re
import shutil

import pandas as pd
import pytest
import tifffile
import zarr
from report_page import check_report
from workspace import TINY, make_workspace, snakemake

from virtual_staining.artefacts.patches import REGIONS
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.artefacts.storage.image import read_image, write_image
from virtual_staining.models.references import REFERENCES

pytestmark = pytest.mark.workflow
# What may differ between two runs of one study, and why.
RUN_ALONE = re.compile(
    r"logs/|benchmarks/|"  # times
    r".*/resume/|"  # checkpoints hold the seconds trained; the lock names its process
    r".*/history\.csv|"  # seconds of each epoch
    r"settings/lock"  # names the process that ran last
)
FOLD = "06_train/toluidine_blue/paired_cyclegan/fold-1"


def run(folder, *arguments):
    done = snakemake(folder, "--cores", "2", *arguments)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A workspace in which everything has been computed once."""
    folder = make_workspace(tmp_path_factory.mktemp("workflow"), TINY)
    run(folder)
    return folder


def ages(folder, pattern):
    return {path: path.stat().st_mtime_ns for path in sorted(folder.glob(pattern))}


def files_of(results):
    found = {str(path.relative_to(results)): path for path in results.rglob("*") if path.is_file()}
    return {name: path for name, path in found.items() if not RUN_ALONE.match(name)}


def test_another_run_of_the_study_is_equal_byte_for_byte(finished, tmp_path):
    """In another folder, time zone and language, and with another seed of Python's hashes."""
    other = make_workspace(tmp_path, TINY)
    environment = {"TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    done = snakemake(other, "--cores", "2", environment=environment)
    assert done.returncode == 0, done.stdout[-4000:]
    one, two = files_of(finished / "results"), files_of(other / "results")
    assert one.keys() == two.keys() and len(one) > 200
    assert {name for name in one if one[name].read_bytes() != two[name].read_bytes()} == set()


def test_every_stage_leaves_its_contract(finished):
    results = finished / "results"
    folds = read_json(results / "05_split/toluidine_blue/folds.json")
    assert len(folds["folds"]) == 2
    assert folds["test"] == ["Mg-03"] and folds["dropped"] == []
    registered = pd.read_csv(results / "02_register/registration.csv")
    assert len(registered) == 5 and registered["confidence"].between(0, 1).all()
    page = (results / "02_register/qc.html").read_text(encoding="utf-8")
    assert {*re.findall(r'alt="section ([^ "]+)', page)} == {*registered["sample"]}
    slide = read_image(results / "03_normalize/Mg-01/slide.tif")
    for model in TINY["models"]:
        stained = read_image(results / f"07_infer/toluidine_blue/{model}/fold-1/Mg-01/slide.tif")
        assert stained.shape == slide.shape
        assert stained.dtype == slide.dtype
    patches = pd.read_csv(results / "08_evaluate/toluidine_blue/patches.csv")
    assert set(patches["model"]) == {*TINY["models"], *REFERENCES}
    assert set(patches["subset"]) == {"train", "validation", "test"}
    assert {"mask", "tissue"} <= set(patches["region"]) <= set(REGIONS)
    assert patches["ssim"].dropna().between(-1, 1).all()
    assert patches.loc[patches["region"] == "mask", "ssim"].notna().all()
    figures = {path.stem for path in (results / "09_figures/toluidine_blue").glob("*.png")}
    assert figures == {
        "patches", "training_slide", "slides", "models", "boxplots", "unmasked"
    }  # fmt: skip
    volume = results / "10_stain/toluidine_blue/paired_cyclegan/Mg-03"
    assert (volume / "rgba.ome.zarr/zarr.json").is_file()
    rgba = tifffile.imread(volume / "rgba.tif")
    ct = zarr.open_array(results / "01_ingest/Mg-03/ct.ome.zarr/0", mode="r")
    assert rgba.shape == (*ct.shape, 4)
    assert rgba[..., 3].min() < rgba[..., 3].max() and rgba[..., :3].std() > 10


def test_a_second_run_does_nothing(finished):
    assert "Nothing to be done" in run(finished)


def test_one_fold_alone_is_trained_again(finished):
    before = ages(finished / "results/06_train", "**/history.csv")
    run(finished, f"results/{FOLD}/best", "--force")
    after = ages(finished / "results/06_train", "**/history.csv")
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {finished / f"results/{FOLD}/history.csv"}
    run(finished)


def planned(folder, *targets):
    """Return the rules of which a dry run says that they would run."""
    output = run(folder, *targets, "-n")
    return set(re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", output, re.MULTILINE))


def test_a_changed_mask_trains_again_and_a_touched_one_does_not(finished):
    results = finished / "results"
    mask = results / "04_mask/Mg-01/mask.tif"
    kept = mask.read_bytes()
    mask.touch()
    assert planned(finished) == set()
    image = read_image(mask)
    image[: len(image) // 2] = 0
    write_image(mask, image, 75)
    # What follows is planned when the folds have been made, and may turn out to be the same.
    assert planned(finished) == {"split_folds"}
    run(finished, "pairs")
    assert {"train_model", "evaluate_references"} <= planned(finished)
    mask.write_bytes(kept)
    run(finished, "pairs")
    assert planned(finished) == set()


def test_folds_made_again_from_the_same_images_train_nothing(finished):
    run(finished, "pairs", "--forcerun", "split_folds")
    assert planned(finished) == set()


def test_a_missing_image_is_named_and_pairs_makes_it(finished):
    results = finished / "results"
    image = results / "03_normalize/PEEK-01/slide.tif"
    kept = image.read_bytes()
    image.unlink()
    done = snakemake(finished, "--cores", "2", f"results/{FOLD}/best", "--force")
    assert done.returncode != 0
    log = results / "logs/06_train/toluidine_blue/paired_cyclegan/fold-1.log"
    assert f"{image.relative_to(finished)}: no such file" in log.read_text()
    assert "snakemake pairs" in log.read_text()
    run(finished, "pairs")
    assert image.read_bytes() == kept
    run(finished, f"results/{FOLD}/best")
    run(finished)


def test_figures_from_cached_outputs(finished, tmp_path):
    results = finished / "results"
    before = ages(results / "06_train", "**/generator.pt")
    kept = tmp_path / "kept"
    kept.mkdir()
    for stage in ("00_cohort", "01_ingest", "02_register"):
        shutil.move(results / stage, kept / stage)
    for folder in results.glob("06_train/**/resume"):
        shutil.rmtree(folder)
    shutil.rmtree(results / "09_figures")
    output = run(finished, "figures")
    assert len(list(results.glob("09_figures/toluidine_blue/*.png"))) == 6
    for rule in ("train_model", "register_section", "ingest_volume", "infer_slides"):
        assert rule not in output
    assert ages(results / "06_train", "**/generator.pt") == before
    for stage in kept.iterdir():
        shutil.move(stage, results / stage.name)


def test_report(finished, tmp_path):
    run(finished, "--report", "report.html")
    check_report(finished / "report.html", tmp_path)
    report = (finished / "report.html").read_text(encoding="utf-8")
    for figure in ("patches", "slides", "models", "boxplots"):
        assert f"09_figures/toluidine_blue/{figure}.png" in report
