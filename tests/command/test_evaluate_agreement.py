"""From drawn slides of known structures to the table of agreement."""

import json

import numpy as np
import pandas as pd
import pytest
from train_cases import STAIN, write_pair, write_split

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.cli import main
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.tissue.classes import Tissue

SAMPLES = ("s1", "s2", "s3", "s4")
PIXEL_UM = 20
COLOURS = {
    Tissue.IMPLANT: (8, 8, 8), Tissue.RIGID: (150, 110, 190), Tissue.SOFT: (170, 210, 235),
    Tissue.BACKGROUND: (240, 240, 240),
}  # fmt: skip


def section(width_px):
    """An implant of a given width, bone below it and soft tissue above it."""
    classes = np.full((96, 96), Tissue.SOFT, np.uint8)
    classes[48:] = Tissue.RIGID
    classes[30:66, 20 : 20 + width_px] = Tissue.IMPLANT
    classes[:4] = Tissue.BACKGROUND
    slide = np.zeros((96, 96, 3), np.uint8)
    for tissue, colour in COLOURS.items():
        slide[classes == tissue] = colour
    ct = np.where(np.isin(classes, (Tissue.RIGID, Tissue.IMPLANT)), 30000, 11000)
    return classes, slide, ct.astype(np.uint16)


@pytest.fixture
def results(tmp_path):
    """Pix2Pix gives back the real slides; the CycleGAN makes every implant 4 pixels wider."""
    results = Results(tmp_path)
    for number, sample in enumerate(SAMPLES):
        classes, slide, ct = section(20 + 4 * number)
        mask = np.ones(classes.shape, bool)
        write_pair(results, TrainingPair(sample, ct, slide, mask), PIXEL_UM)
        write_image(results.mask(sample).tissue, classes, PIXEL_UM)
        wider = section(24 + 4 * number)[1]
        for model, image in (("pix2pix", slide), ("cyclegan", wider)):
            write_image(results.stained(STAIN, model, 1).sample(sample).slide, image, PIXEL_UM)
    write_split(results, list(SAMPLES), 1, 1)
    return results


def run(results, **settings):
    words = ["evaluate", "structures", "--results", str(results), "--stain", STAIN]
    words += ["--models", "pix2pix", "cyclegan", "--folds", "1", "--normalize", "{}"]
    return main([*words, "--settings", json.dumps(settings)])


def test_a_wider_implant_is_a_bias_of_its_area(results):
    assert run(results, rings_um=[100, 300]) == 0
    folder = results.evaluation(STAIN)
    table = pd.read_csv(folder.agreement).set_index(["model", "measure"])
    metal = table.xs("implant_mm2", level="measure")
    assert metal["slides"].eq(3).all(), "validation and test samples, once each"
    assert metal.loc["pix2pix", ["bias", "low", "high"]].tolist() == [0, 0, 0]
    expected = 36 * 4 * (PIXEL_UM / 1000) ** 2
    assert metal.loc["cyclegan", "bias"] == pytest.approx(expected, rel=0.02)
    slides = pd.read_csv(folder.structures)
    assert set(slides["model"]) == {"real", "pix2pix", "cyclegan"} and len(slides) == 12
    assert {"bone_percent_0_100um", "new_bone_percent_100_300um"} <= set(slides)
    text = folder.agreement_markdown.read_text(encoding="utf-8")
    assert (
        "**3 slides are too few" in text
        and "BIC: boundary of implant and degradation layer with bone within 2 pixels" in text
    )


def test_rings_must_grow(results, capsys):
    assert run(results, rings_um=[300, 100]) == 1
    assert "rings_um" in capsys.readouterr().err
