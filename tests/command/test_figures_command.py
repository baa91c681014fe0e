"""The command line draws every figure from the results of other stages."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from metric_columns import COLUMNS
from skimage import data, io
from train_cases import STAIN, write_pair, write_split

from virtual_staining.artefacts.patches import write_metric_table
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import write_training_patches
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.cli import main
from virtual_staining.imaging.image_pair import TrainingPair

SETTINGS = json.dumps({"roi_px": 48, "dpi": 60, "patches": 2})
SAMPLES = ("s1", "s2", "s3")
MODELS = ("paired_cyclegan", "pix2pix")


@pytest.fixture
def results(tmp_path):
    results, photo = Results(tmp_path), data.astronaut()[::2, ::2]
    for number, sample in enumerate(SAMPLES):
        slide = np.ascontiguousarray(photo[60 * number : 60 * number + 120, :150])
        ct = (slide.mean(-1) * 150).astype(np.uint16)
        mask = np.ones(ct.shape, bool)
        mask[:, :10] = False
        write_pair(results, TrainingPair(sample, ct, slide, mask))
        for model in MODELS:
            stained = results.stained(STAIN, model, 1).sample(sample)
            for path in (stained.slide, stained.slide_masked):
                write_image(path, 255 - slide, 20)
        write_image(results.stained(STAIN, MODELS[0], 1).sample(sample).ct_masked, ct, 20)
    write_split(results, list(SAMPLES), 1, 1)
    stack = np.stack([slide[:64, :64]] * 3)
    grey = stack[..., 0].astype(np.uint16)
    patches = {"ct": grey, "slide": stack, "mask": grey > 90, "fake_slide": stack, "fake_ct": grey}
    write_training_patches(results.stained(STAIN, MODELS[0], 1).training_patches, patches)
    rows = [
        {"stain": STAIN, "model": model, "fold": 1, "sample": "s1", "material": "Mg"}
        | {"subset": "train", "region": "mask", "y_px": 0, "x_px": 0, "overlap": 1}
        | {"similarity": value, "ratio_db": 10, "distance": np.nan}
        for model in MODELS
        for value in (0.1, 0.5)
    ]
    write_metric_table(results.evaluation(STAIN).patches.csv, pd.DataFrame(rows), COLUMNS)
    return results


def draw(results, name, settings=SETTINGS, model=MODELS[0]):
    chosen = {
        "patches": ["--model", model, "--fold", "1"],
        "slides": ["--model", model, "--fold", "1", "--normalize", "{}"],
        "training_slide": ["--model", model, "--fold", "1"],
        "unmasked": ["--model", model, "--fold", "1"],
        "models": ["--models", *MODELS, "--fold", "1"],
        "boxplots": [],
    }[name]
    command = ["figures", name, "--results", str(results), "--stain", STAIN, *chosen]
    return main([*command, "--settings", settings])


@pytest.mark.parametrize(
    "name", ["patches", "training_slide", "slides", "models", "boxplots", "unmasked"]
)
def test_each_figure_is_written_twice_and_reproducibly(results, name):
    out = results.figure(STAIN, name)
    assert draw(results, name) == 0
    picture = io.imread(out)
    assert picture.std() > 5
    svg = out.with_suffix(".svg").read_bytes()
    assert ET.fromstring(svg).tag.endswith("svg")
    assert b"<text" in svg
    assert len(svg) < 2_000_000
    assert draw(results, name) == 0
    assert out.with_suffix(".svg").read_bytes() == svg


def test_bad_input_is_refused_by_name(results, capsys):
    def refusal(name, **kwargs):
        assert draw(results, name, **kwargs) == 1
        assert not results.figure(STAIN, name).exists()
        return capsys.readouterr().err

    assert "did you mean 'roi_px'" in refusal("slides", settings='{"roi": 3}')
    assert "test_sample: 's1' is not among s3" in refusal("slides", settings='{"test_sample":"s1"}')
    assert "s1/slide_masked.tif: no such file" in refusal("slides", model="cyclegan")
    patches = results.stained(STAIN, MODELS[0], 1).training_patches
    patches.write_text("no arrays")
    assert "training_patches.npz: cannot be read as NPZ" in refusal("patches")
    np.savez(patches, ct=np.zeros((1, 8, 8)))
    assert "lacks slide, mask, fake_slide" in refusal("patches")


def test_a_stained_slide_of_another_size_is_refused(results, capsys):
    stained = results.stained(STAIN, "pix2pix", 1).sample("s1")
    write_image(stained.slide_masked, np.zeros((9, 9, 3), np.uint8), 20)
    assert draw(results, "slides", model="pix2pix") == 1
    assert "s1/slide_masked.tif: (9, 9) pixels" in capsys.readouterr().err
