"""The command line draws every figure from the results of other stages."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from metric_columns import COLUMNS
from skimage import data, io

from virtual_staining.artefacts.patches import write_metric_table
from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.cli import main

SETTINGS = json.dumps({"roi_px": 48, "dpi": 60, "patches": 2})
SAMPLES = ("s1", "s2", "s3")
MODELS = ("paired_cyclegan", "pix2pix")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    photo = data.astronaut()[::2, ::2]
    for number, sample in enumerate(SAMPLES):
        slide = np.ascontiguousarray(photo[60 * number : 60 * number + 120, :150])
        ct = (slide.mean(-1) * 150).astype(np.uint16)
        mask = np.full(ct.shape, 255, np.uint8)
        mask[:, :10] = 0
        write_image(folder / f"03_normalize/{sample}/slide.tif", slide, 20)
        write_image(folder / f"03_normalize/{sample}/ct.tif", ct, 20)
        write_json(
            folder / f"03_normalize/{sample}/stats.json",
            {"ct_background_after": 10000, "slide": {"background_after_rgb": [240, 240, 240]}},
        )
        write_image(folder / f"04_mask/{sample}/mask.tif", mask, 20)
        for model in MODELS:
            out = folder / f"07_infer/{model}/fold-1/{sample}"
            write_image(out / "slide_masked.tif", 255 - slide, 20)
        write_image(folder / f"07_infer/{MODELS[0]}/fold-1/{sample}/ct_masked.tif", ct, 20)
    write_json(
        folder / "folds.json",
        {"stain": "azan", "folds": [{"fold": 1, "train": ["s1"], "validation": ["s2"]}]}
        | {"test": ["s3"]},
    )
    stack = np.stack([slide[:64, :64]] * 3)
    grey = stack[..., 0].astype(np.uint16)
    patches = {"ct": grey, "slide": stack, "mask": grey > 90, "fake_slide": stack, "fake_ct": grey}
    np.savez(folder / "training_patches.npz", **patches)
    rows = [
        {"stain": "azan", "model": model, "fold": 1, "sample": "s1", "material": "Mg"}
        | {"subset": "train", "y_px": 0, "x_px": 0, "overlap": 1}
        | {"similarity": value, "ratio_db": 10, "distance": np.nan}
        for model in MODELS
        for value in (0.1, 0.5)
    ]
    write_metric_table(folder / "patches.csv", pd.DataFrame(rows), COLUMNS)
    return folder


def arguments(results, name):
    cohort = ["--folds", f"{results}/folds.json", "--fold", "1"]
    cohort += ["--normalize-dir", f"{results}/03_normalize", "--mask-dir", f"{results}/04_mask"]
    folders = [f"{results}/07_infer/{model}/fold-1" for model in MODELS]
    return {
        "patches": ["--patches", f"{results}/training_patches.npz"],
        "slides": ["--infer-dir", folders[0], *cohort],
        "models": ["--infer-dirs", *folders, *cohort],
        "boxplots": ["--patches", f"{results}/patches.csv"],
    }[name]


def draw(results, name, out, settings=SETTINGS, extra=()):
    command = ["figures", name, *arguments(results, name), "--settings", settings]
    return main([*command, *extra, "--out", str(out)])


@pytest.mark.parametrize("name", ["patches", "slides", "models", "boxplots"])
def test_each_figure_is_written_twice_and_reproducibly(results, tmp_path, name):
    out = tmp_path / f"{name}.png"
    assert draw(results, name, out) == 0
    picture = io.imread(out)
    assert picture.std() > 5
    svg = out.with_suffix(".svg").read_bytes()
    assert ET.fromstring(svg).tag.endswith("svg")
    assert b"<text" in svg
    assert len(svg) < 2_000_000
    assert draw(results, name, tmp_path / "again.png") == 0
    assert (tmp_path / "again.svg").read_bytes() == svg


def test_bad_input_is_refused_by_name(results, tmp_path, capsys):
    def refusal(name, out="figure.png", **kwargs):
        assert draw(results, name, tmp_path / out, **kwargs) == 1
        assert not list(tmp_path.glob("figure*"))
        return capsys.readouterr().err

    assert "must end in .png" in refusal("boxplots", "figure.pdf")
    assert "did you mean 'roi_px'" in refusal("slides", settings='{"roi": 3}')
    assert "test_sample: 's1' is not among s3" in refusal("slides", settings='{"test_sample":"s1"}')
    missing = ["--infer-dir", str(tmp_path / "pix2pix/fold-1")]
    assert "s1/slide_masked.tif: no such file" in refusal("slides", extra=missing)
    (tmp_path / "broken.npz").write_text("no arrays")
    broken = ["--patches", str(tmp_path / "broken.npz")]
    assert "broken.npz: cannot be read as NPZ" in refusal("patches", extra=broken)
    np.savez(tmp_path / "part.npz", ct=np.zeros((1, 8, 8)))
    part = ["--patches", str(tmp_path / "part.npz")]
    assert "lacks fake_slide, mask, slide" in refusal("patches", extra=part)


def test_a_stained_slide_of_another_size_is_refused(results, tmp_path, capsys):
    folder = tmp_path / "pix2pix/fold-1"
    write_image(folder / "s1/slide_masked.tif", np.zeros((9, 9, 3), np.uint8), 20)
    assert draw(results, "slides", tmp_path / "x.png", extra=["--infer-dir", str(folder)]) == 1
    assert "s1/slide_masked.tif: (9, 9) pixels" in capsys.readouterr().err
