"""The command line on a small cohort in the folders of the other stages."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from recipes import add_module, python_example
from skimage import data

from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.cli import main
from virtual_staining.evaluate import metrics

SETTINGS = json.dumps({"patch_px": 64, "step_px": 64, "bootstrap_resamples": 20})
SAMPLES = {"s1": "train", "s2": "validation", "s3": "test"}


@pytest.fixture
def results(tmp_path):
    """Three samples; pix2pix gives back the real slides, cyclegan their negatives."""
    photo = data.astronaut()[::2, ::2]
    for number, sample in enumerate(SAMPLES):
        slide = np.ascontiguousarray(photo[64 * number : 64 * number + 128, :130])
        mask = np.full(slide.shape[:2], 255, np.uint8)
        mask[:, :10] = 0
        ct = (slide.mean(-1) * 150).astype(np.uint16)
        write_image(tmp_path / f"03_normalize/{sample}/slide.tif", slide, 5)
        write_image(tmp_path / f"03_normalize/{sample}/ct.tif", ct, 5)
        write_json(
            tmp_path / f"03_normalize/{sample}/stats.json",
            {"ct_background_after": 10000, "slide": {"background_after_rgb": [240, 240, 240]}},
        )
        write_image(tmp_path / f"04_mask/{sample}/mask.tif", mask, 5)
        write_image(tmp_path / f"07_infer/pix2pix/fold-1/{sample}/slide.tif", slide, 5)
        write_image(tmp_path / f"07_infer/cyclegan/fold-1/{sample}/slide.tif", 255 - slide, 5)
    write_json(
        tmp_path / "folds.json",
        {"stain": "toluidine_blue", "seed": 1, "test": ["s3"]}
        | {"folds": [{"fold": 1, "train": ["s1"], "validation": ["s2"]}]}
        | {"material": dict.fromkeys(SAMPLES, "Mg"), "group": {}},
    )
    assert check_metrics(tmp_path, '{"lpips": false}') == 0
    return tmp_path


def check_metrics(results, settings):
    out = f"{results}/lpips.json"
    return main(["evaluate", "backbone", "--settings", settings, "--out", out])


def evaluate(results, model, *, settings=SETTINGS, fold="1", stain="toluidine_blue"):
    source = (
        ["--baseline"]
        if model == "raw_ct"
        else ["--infer-dir", f"{results}/07_infer/{model}/fold-1"]
    )
    command = ["evaluate", "patches", *source, "--model", model, "--stain", stain, "--fold", fold]
    command += ["--folds", f"{results}/folds.json", "--normalize-dir", f"{results}/03_normalize"]
    command += ["--mask-dir", f"{results}/04_mask", "--lpips", f"{results}/lpips.json"]
    return main([*command, "--settings", settings, "--out", f"{results}/{model}.csv"])


def test_from_slides_to_tables(results, capsys):
    models = ("pix2pix", "cyclegan", "raw_ct")
    for model in models:
        assert evaluate(results, model) == 0
    rows = pd.read_csv(results / "pix2pix.csv")
    assert dict(zip(rows["sample"], rows["subset"], strict=True)) == SAMPLES
    assert len(rows) == 3 * 6  # 2 × 3 patches cover 128 × 130 pixels
    assert rows["ssim"].to_numpy() == pytest.approx(1)
    assert rows["psnr_db"].to_numpy() == pytest.approx(10 * np.log10(255**2 * 64 * 64 * 3))
    assert (pd.read_csv(results / "raw_ct.csv")["ssim"] < 0.99).all()

    out = results / "08_evaluate"
    csvs = [f"{results}/{model}.csv" for model in models]
    command = ["evaluate", "table", "--settings", SETTINGS, "--out-dir", str(out)]
    assert main([*command, "--patches", *csvs]) == 0
    assert len(pd.read_csv(out / "patches.csv")) == 3 * 18
    table = pd.read_csv(out / "table.csv").set_index(["subset", "model"])
    assert table.loc[("test", "pix2pix"), "ssim_median"] == pytest.approx(1)
    assert table["lpips_median"].isna().all()
    assert "**1.00**" in (out / "table.md").read_text(encoding="utf-8")
    assert r"\textbf{1.00}" in (out / "table.tex").read_text(encoding="utf-8")

    capsys.readouterr()
    assert main(["evaluate", "show", "--table", str(out / "table.csv")]) == 0
    printed = capsys.readouterr().out
    assert "Toluidine blue" in printed
    assert "Std. CycleGAN" in printed


def test_lpips_is_measured_with_given_weights(results, shared_data):
    weights = shared_data / "squeezenet1_1-features" / "squeezenet1_1_features.pth"
    settings = json.dumps({**json.loads(SETTINGS), "lpips_backbone": str(weights)})
    assert check_metrics(results, settings) == 0
    for model in ("pix2pix", "cyclegan"):
        assert evaluate(results, model, settings=settings) == 0
    assert pd.read_csv(results / "pix2pix.csv")["lpips"].to_numpy() == pytest.approx(0)
    assert (pd.read_csv(results / "cyclegan.csv")["lpips"] > 0.1).all()


def test_bad_input_is_refused_by_name(results, capsys):
    def refusal(**kwargs):
        assert evaluate(results, kwargs.pop("model", "pix2pix"), **kwargs) == 1
        return capsys.readouterr().err

    assert "no fold 7" in refusal(fold="7")
    assert "stain: 'toluidine_blue' is not 'azan'" in refusal(stain="azan")
    assert "did you mean 'patch_px'" in refusal(settings='{"patch_pix": 64}')
    assert "fold-1/s1/slide.tif: no such file" in refusal(model="paired_cyclegan")
    for sample in SAMPLES:
        empty = np.zeros((128, 130), np.uint8)
        write_image(results / f"04_mask/{sample}/mask.tif", empty, 5)
    assert "lower evaluate.patch_px" in refusal()
    write_image(results / "07_infer/pix2pix/fold-1/s1/slide.tif", np.ones((5, 5, 3), np.uint8), 5)
    assert "fold-1/s1: sizes differ" in refusal()


def test_a_table_needs_whole_csvs_of_one_stain(results, capsys):
    evaluate(results, "pix2pix")
    rows = pd.read_csv(results / "pix2pix.csv")
    command = ["evaluate", "table", "--settings", SETTINGS, "--out-dir", str(results / "out")]
    rows.assign(stain="azan").to_csv(results / "other.csv", index=False)
    shutil.copy(results / "pix2pix.json", results / "other.json")
    assert main([*command, "--patches", f"{results}/pix2pix.csv", f"{results}/other.csv"]) == 1
    assert "stain: expected one" in capsys.readouterr().err
    rows.drop(columns="ssim").to_csv(results / "other.csv", index=False)
    assert main([*command, "--patches", f"{results}/other.csv"]) == 1
    assert "missing column(s) ssim" in capsys.readouterr().err
    assert not (results / "out").exists()


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
    for model in ("pix2pix", "cyclegan"):
        assert evaluate(results, model) == 0
    negative = pd.read_csv(results / "cyclegan.csv")
    assert negative["double_error"].between(1, 510).all()
    assert negative["double_error"].to_numpy() == pytest.approx(2 * negative["error_grey"])
    assert (pd.read_csv(results / "pix2pix.csv")["double_error"] == 0).all()

    out = results / "08_evaluate"
    csvs = [f"{results}/{model}.csv" for model in ("pix2pix", "cyclegan")]
    command = ["evaluate", "table", "--settings", SETTINGS, "--out-dir", str(out)]
    assert main([*command, "--patches", *csvs]) == 0
    table = pd.read_csv(out / "table.csv").set_index(["subset", "model"])
    medians = negative.groupby("subset")["error_grey"].median()
    assert table.loc[("test", "cyclegan"), "error_grey_median"] == pytest.approx(medians["test"])
    header, *_ = (line for line in (out / "table.md").read_text().splitlines() if "Model" in line)
    assert header.startswith("| Model | Double ↓ (grey) | SSIM ↑ |")  # by its order

    drawn = results / "boxplots.png"
    command = ["figures", "boxplots", "--patches", f"{out}/patches.csv", "--settings", "{}"]
    assert main([*command, "--out", str(drawn)]) == 0
    assert "Double ↓ (grey)" in drawn.with_suffix(".svg").read_text(encoding="utf-8")
