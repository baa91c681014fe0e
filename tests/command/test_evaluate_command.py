"""The command line on a small cohort in the folders of the other stages."""

import json

import numpy as np
import pandas as pd
import pytest
from recipes import add_module, python_example
from skimage import data
from train_cases import STAIN, write_pair, write_split

from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.cli import main
from virtual_staining.evaluate import metrics
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.models.catalogue import in_order
from virtual_staining.models.references import REFERENCES

SETTINGS = json.dumps({"patch_px": 64, "step_px": 64, "bootstrap_resamples": 20})
MODELS = ("pix2pix", "cyclegan")
SAMPLES = {"s1": "train", "s2": "validation", "s3": "test"}


@pytest.fixture
def results(tmp_path):
    """Three samples; pix2pix gives back the real slides, cyclegan their negatives."""
    results, photo = Results(tmp_path), data.astronaut()[::2, ::2]
    for number, sample in enumerate(SAMPLES):
        slide = np.ascontiguousarray(photo[64 * number : 64 * number + 128, :130])
        mask = np.ones(slide.shape[:2], bool)
        mask[:, :10] = False
        ct = (slide.mean(-1) * 150).astype(np.uint16)
        write_pair(results, TrainingPair(sample, ct, slide, mask), 5)
        classes = np.where(mask, Tissue.SOFT, Tissue.OUTSIDE).astype(np.uint8)
        classes[:, 90:] = Tissue.IMPLANT
        write_image(results.mask(sample).tissue, classes, 5)
        write_image(results.stained(STAIN, "pix2pix", 1).sample(sample).slide, slide, 5)
        write_image(results.stained(STAIN, "cyclegan", 1).sample(sample).slide, 255 - slide, 5)
    write_split(results, list(SAMPLES), 1, 1)
    assert check_metrics(results, '{"lpips": false}') == 0
    return results


def check_metrics(results, settings):
    return main(["evaluate", "metrics", "--settings", settings, "--results", str(results)])


def evaluate(results, model, *, settings=SETTINGS, fold="1", stain=STAIN):
    command = ["evaluate", "patches", "--results", str(results), "--stain", stain]
    command += ["--model", model, "--fold", fold, "--tile-step-px", "32"]
    return main([*command, "--settings", settings])


def evaluate_references(results):
    command = ["evaluate", "references", "--results", str(results), "--stain", STAIN]
    command += ["--fold", "1", "--tile-step-px", "32", "--ct-white", "50000"]
    return main([*command, "--settings", SETTINGS, "--mask", "{}", "--normalize", "{}"])


def tabulate(results, *models):
    command = ["evaluate", "table", "--results", str(results), "--stain", STAIN]
    return main([*command, "--models", *models, "--folds", "1", "--settings", SETTINGS])


def rows_of(results, model):
    return pd.read_csv(results.evaluation(STAIN).fold_patches(model, 1).csv)


def test_from_slides_to_tables(results, capsys):
    for model in MODELS:
        assert evaluate(results, model) == 0
    assert evaluate_references(results) == 0
    rows = rows_of(results, "pix2pix")
    assert dict(zip(rows["sample"], rows["subset"], strict=True)) == SAMPLES
    whole, tissue = (rows[rows["region"] == region] for region in ("mask", "tissue"))
    assert len(whole) == 3 * 6  # 2 × 3 patches cover 128 × 130 pixels
    assert whole["ssim"].to_numpy() == pytest.approx(1)
    assert whole["psnr_db"].to_numpy() == pytest.approx(10 * np.log10(255**2 * 64 * 64 * 3))
    assert len(tissue) == 3 * 4  # the implant covers most of the last two
    assert tissue["delta_e_2000"].to_numpy() == pytest.approx(0)

    out = results.evaluation(STAIN)
    assert tabulate(results, *MODELS) == 0
    patches = pd.read_csv(out.patches.csv)
    assert in_order(patches["model"]) == [*sorted(MODELS, reverse=True), *REFERENCES]
    assert patches.groupby(["model", "region"]).size().unstack()["mask"].eq(18).all()
    table = pd.read_csv(out.table.csv).set_index(["region", "subset", "model"])
    assert table.loc[("mask", "test", "pix2pix"), "ssim_median"] == pytest.approx(1)
    assert (table.xs("raw_ct", level="model")["ssim_median"] < 0.99).all()
    assert table["lpips_median"].isna().all()
    assert "**1.00**" in out.table_markdown.read_text(encoding="utf-8")
    assert r"\textbf{1.00}" in out.table_latex.read_text(encoding="utf-8")

    capsys.readouterr()
    assert main(["evaluate", "show", "--table", str(out.table.csv)]) == 0
    printed = capsys.readouterr().out
    assert "real slides, whole mask" in printed and "real slides, tissue only" in printed
    assert "Std. CycleGAN" in printed and "Joint-histogram table †" in printed
    assert "the best model by mean rank, beats the best reference in SSIM (+" in printed
    assert "faults of whole slides" in printed
    for name, words in (("none/table.csv", "no such file"), ("patches.csv", "give the table.csv")):
        assert main(["evaluate", "show", "--table", str(out.table.csv.parent / name)]) == 1
        assert f"{name}: {words}" in capsys.readouterr().err


def test_references_are_measured_on_the_patches_of_the_models(results):
    assert evaluate(results, "pix2pix") == 0 == evaluate_references(results)
    place = ["sample", "subset", "region", "y_px", "x_px", "overlap"]
    wanted = rows_of(results, "pix2pix")[place]
    for name, rows in rows_of(results, "references").groupby("model"):
        assert rows[place].reset_index(drop=True).equals(wanted), name


def test_references_learn_from_training_pairs_alone(results):
    """The training slide is the CT's grey inverted: so the tables paint every sample."""
    for sample in SAMPLES:
        pair = read_training_pair(results, sample)
        grey = 255 - np.repeat((pair.ct // 150)[..., None], 3, -1).astype(np.uint8)
        slide = grey if sample == "s1" else pair.slide
        write_image(results.normalized(sample).slide, slide, 5)
    assert evaluate_references(results) == 0
    rows = rows_of(results, "references").query("model == 'grey_table' and region == 'mask'")
    errors = rows.groupby("subset")["delta_e_2000"].median()
    assert errors["train"] < 1
    assert (errors[["validation", "test"]] > 10).all()


def test_every_reference_has_a_row_of_faults_for_each_slide(results):
    assert evaluate_references(results) == 0
    slides = pd.read_csv(results.evaluation(STAIN).fold_slides("references", 1).csv)
    assert set(slides["model"]) == set(REFERENCES)
    assert len(slides) == 3 * len(REFERENCES)
    faults = slides.set_index("model")
    assert faults.loc[["grey_table", "joint_table"], "seam_ratio"].gt(0).all()
    # One colour has no steps at all, so nothing repeats with the tiles.
    assert faults.loc["mean_colour_oracle", "seam_ratio"].isna().all()


def test_lpips_is_measured_with_given_weights(results, shared_data):
    weights = shared_data / "squeezenet1_1-features" / "squeezenet1_1_features.pth"
    settings = json.dumps({**json.loads(SETTINGS), "lpips_backbone": str(weights)})
    assert check_metrics(results, settings) == 0
    for model in ("pix2pix", "cyclegan"):
        assert evaluate(results, model, settings=settings) == 0
    same, negative = rows_of(results, "pix2pix"), rows_of(results, "cyclegan")
    assert same["lpips"].dropna().to_numpy() == pytest.approx(0)
    assert (negative["lpips"].dropna() > 0.1).all()
    thin = (same["region"] != "mask") & (same["overlap"] < 0.5)
    assert same["lpips"].isna().equals(thin) and thin.any()


def test_bad_input_is_refused_by_name(results, capsys):
    def refusal(**kwargs):
        assert evaluate(results, kwargs.pop("model", "pix2pix"), **kwargs) == 1
        return capsys.readouterr().err

    assert "no fold 7" in refusal(fold="7")
    assert "azan/folds.json: no such file" in refusal(stain="azan")
    assert "did you mean 'patch_px'" in refusal(settings='{"patch_pix": 64}')
    assert "fold-1/s1/slide.tif: no such file" in refusal(model="paired_cyclegan")
    for sample in SAMPLES:
        for path in (results.mask(sample).mask, results.mask(sample).tissue):
            write_image(path, np.zeros((128, 130), np.uint8), 5)
    assert "lower evaluate.patch_px" in refusal()
    stained = results.stained(STAIN, "pix2pix", 1).sample("s1")
    write_image(stained.slide, np.ones((5, 5, 3), np.uint8), 5)
    assert "fold-1/s1/slide.tif: (5, 5) pixels, but the pair has (128, 130)" in refusal()


def test_a_table_needs_whole_csvs_of_its_stain(results, capsys):
    evaluate(results, "pix2pix")
    assert tabulate(results, "pix2pix") == 1
    assert "references/fold-1.csv: cannot be read" in capsys.readouterr().err
    evaluate_references(results)
    rows, path = (
        rows_of(results, "pix2pix"),
        results.evaluation(STAIN).fold_patches("pix2pix", 1).csv,
    )
    rows.assign(stain="azan").to_csv(path, index=False)
    assert tabulate(results, "pix2pix") == 1
    assert f"pix2pix/fold-1.csv: stain: 'azan' is not '{STAIN}'" in capsys.readouterr().err
    rows.drop(columns="ssim").to_csv(path, index=False)
    assert tabulate(results, "pix2pix") == 1
    assert "missing column(s) ssim" in capsys.readouterr().err
    assert not results.evaluation(STAIN).table.csv.exists()


NEW_METRIC = """
import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, Needs


def compute(factor, patches):
    difference = np.abs(patches.real.astype(float) - patches.generated)
    return factor * difference.mean(axis=(1, 2, 3))


def find(settings):
    return {"measured": True, "reason": "made up", "factor": 2}


COLUMN = MetricColumn("double_error", "Double", "grey", False, 1, order=1)
METRIC = Metric(COLUMN, "made up", compute, Needs(find, lambda record: record["factor"]))
"""


def test_a_new_metric_is_one_file(results, repository, tmp_path, monkeypatch):
    """A file in the folder of metrics is measured, tabulated and drawn; nothing else names it."""
    (tmp_path / "found").mkdir()
    add_module(metrics, "throw_away", NEW_METRIC, tmp_path / "found", monkeypatch)
    example = python_example(repository / "docs" / "metrics.md")
    (tmp_path / "example").mkdir()
    add_module(metrics, "example", example, tmp_path / "example", monkeypatch)
    assert check_metrics(results, '{"lpips": false}') == 0
    for model in MODELS:
        assert evaluate(results, model) == 0
    assert evaluate_references(results) == 0
    negative = rows_of(results, "cyclegan")
    assert negative["double_error"].between(1, 510).all()
    assert negative["double_error"].to_numpy() == pytest.approx(2 * negative["error_grey"])
    assert (rows_of(results, "pix2pix")["double_error"] == 0).all()

    out = results.evaluation(STAIN)
    assert tabulate(results, "pix2pix", "cyclegan") == 0
    table = pd.read_csv(out.table.csv).set_index(["region", "subset", "model"])
    medians = negative[negative["region"] == "mask"].groupby("subset")["error_grey"].median()
    assert table.loc[("mask", "test", "cyclegan"), "error_grey_median"] == pytest.approx(
        medians["test"]
    )
    papers, header, *_ = (
        line for line in out.table_markdown.read_text().splitlines() if "| Model" in line
    )
    assert "SSIM" in papers and "Double" not in papers
    assert header.startswith("| Model | Double ↓ (grey) | SSIM ↑ |")  # by its order

    drawn = results.figure(STAIN, "boxplots")
    command = ["figures", "boxplots", "--results", str(results), "--stain", STAIN]
    assert main([*command, "--settings", "{}"]) == 0
    assert "Double ↓ (grey)" in drawn.with_suffix(".svg").read_text(encoding="utf-8")
