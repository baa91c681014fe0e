"""From stained slides and their spread to the table and images of uncertainty."""

import numpy as np
import pandas as pd
import pytest
from skimage import io
from train_cases import STAIN, make_pair, write_pair, write_split

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import pixel_size_um, read_image, write_image
from virtual_staining.cli import main

SAMPLES = [f"s{k}" for k in range(6)]


@pytest.fixture
def results(tmp_path):
    """Stained slides whose errors are twice their spread, which differs from place to place."""
    results, rng = Results(tmp_path), np.random.default_rng(0)
    for number, sample in enumerate(SAMPLES):
        pair = make_pair(number)
        write_pair(results, pair, 20)
        spread = np.kron(rng.uniform(1, 20, (5, 4)), np.ones((10, 11))).astype(np.float32)
        wrong = np.clip(pair.slide - 2 * spread[..., None], 0, 255).astype(np.uint8)
        files = results.stained(STAIN, "pix2pix", 1).sample(sample)
        write_image(files.slide, wrong, 20)
        write_image(files.spread, spread, 20)
    write_split(results, SAMPLES, 2, 3)
    return results


def run(results):
    words = ["evaluate", "trust", "--results", str(results), "--stain", STAIN]
    words += ["--models", "pix2pix", "--folds", "1", "--settings", "{}"]
    return main([*words, "--mask", "{}", "--normalize", "{}"])


def test_held_out_slides_have_rows_and_images(results):
    assert run(results) == 0
    folder = results.evaluation(STAIN)
    rows = pd.read_csv(folder.uncertainty)
    assert rows["subset"].tolist() == ["validation"] * 3 + ["test"]
    assert (rows["spearman"] > 0.8).all() and (rows["coverage"] > 0.7).all()
    for sample in rows["sample"]:
        path = folder.uncertainty_images / "pix2pix" / f"{sample}.tif"
        image, mask = read_image(path), read_image(results.mask(sample).mask) > 0
        assert image.dtype == np.uint8 and pixel_size_um(path) == pytest.approx(20)
        assert np.array_equal(image > 0, mask)
        picture = io.imread(path.with_suffix(".png"))
        assert picture.shape[1] == 1200 and picture.std() > 5
    text = folder.uncertainty_markdown.read_text(encoding="utf-8")
    assert "**Uncalibrated: 3 slides without an alarm are too few" in text


def test_slides_without_a_spread_are_refused(results, capsys):
    for sample in SAMPLES:
        write_image(
            results.stained(STAIN, "pix2pix", 1).sample(sample).spread,
            np.zeros(make_pair(0).mask.shape, np.float32), 20,
        )  # fmt: skip
    assert run(results) == 1
    assert "set infer.flips: true" in capsys.readouterr().err
    assert not results.evaluation(STAIN).uncertainty_images.exists()
