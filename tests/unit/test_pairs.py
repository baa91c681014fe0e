"""Reading pairs and folds, and what is refused."""

import dataclasses
import json

import numpy as np
import pytest
from train_cases import STAIN, make_pair, tiny, write_fold

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.pair_stats import read_background_levels, read_ct_scaling
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.artefacts.storage.image import pixel_size_um, write_image
from virtual_staining.errors import InputError


@pytest.fixture
def results(tmp_path):
    write_fold(tmp_path, tiny())
    return Results(tmp_path)


def test_pair_as_written(results):
    pair, expected = read_training_pair(results, "s0"), make_pair(0)
    for name in ("ct", "slide", "mask"):
        np.testing.assert_array_equal(getattr(pair, name), getattr(expected, name))
    assert pixel_size_um(results.normalized("s0").ct) == pytest.approx(20)


def test_levels_as_written(results):
    stats = results.normalized("s0").stats
    grey, colour = read_background_levels(stats)
    assert grey == 10000 and colour.tolist() == [240, 241, 242]
    assert read_ct_scaling(stats) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "no background level stored"),
        ({"ct_background_after": 1, "slide": {"background_after_rgb": [1, 2]}}, "no background"),
        ({"format": 2}, "format: 2 is unknown"),
        ([], "must hold a JSON object"),
    ],
)
def test_stats_without_levels_are_named_with_the_remedy(results, content, words):
    stats = results.normalized("s0").stats
    write_json(stats, content)
    with pytest.raises(InputError, match=rf"s0/stats\.json: {words}.*normalize this pair again"):
        read_background_levels(stats)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("03_normalize/s0/ct.tif", np.zeros((50, 44), np.uint8)),
        ("03_normalize/s0/slide.tif", np.zeros((50, 44), np.uint8)),
        ("03_normalize/s0/slide.tif", np.zeros((50, 43, 3), np.uint8)),
        ("04_mask/s0/mask.tif", np.zeros((49, 44), np.uint8)),
    ],
)
def test_images_that_do_not_fit_are_named(results, name, image):
    write_image(results.root / name, image, 20.0)
    with pytest.raises(InputError, match=name):
        read_training_pair(results, "s0")


def test_missing_pair_is_named(results):
    with pytest.raises(InputError, match=r"s9/ct\.tif: no such file; .snakemake pairs. makes"):
        read_training_pair(results, "s9")
    with pytest.raises(InputError, match="no such file"):
        pixel_size_um(results.root / "nothing.tif")


def test_fold(results):
    split = results.split(STAIN)
    fold = read_fold(split.folds, 1)
    assert fold.train == ("s0", "s1")
    assert fold.samples == ("s0", "s1", "s2", "s3")
    assert (fold.stain, fold.material["s3"]) == (STAIN, "Mg")
    alone = read_fold(split.fold(1), 1)
    assert alone == dataclasses.replace(fold, test=(), material={})
    with pytest.raises(InputError, match="no fold 2"):
        read_fold(split.folds, 2)


def test_what_decides_about_trainings_does_not_name_the_version(results):
    split = results.split(STAIN)
    for path in (split.folds, split.fold(1), results.normalized("s0").stats):
        content = json.loads(path.read_text())
        assert content["format"] == 1 and "version" not in content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"stain": "x", "test": [], "folds": [{"fold": 1, "train": [], "validation": []}]},
         "no training sample"),
        ({"stain": "x", "test": [], "folds": [{"fold": 1, "validation": []}]}, "train"),
        ({"test": [], "folds": [{"fold": 1, "train": ["a"], "validation": []}]}, "stain"),
        ({"format": 7}, r"format: 7 is unknown.*divide the samples again"),
        ({}, "folds"),
    ],
)  # fmt: skip
def test_bad_folds_are_refused(tmp_path, content, said):
    write_json(tmp_path / "folds.json", content)
    with pytest.raises(InputError, match=said):
        read_fold(tmp_path / "folds.json", 1)
