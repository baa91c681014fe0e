"""Reading pairs and folds, and what is refused."""

import numpy as np
import pytest
from train_cases import make_pair, tiny, write_fold

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.pair import load_pair
from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.artefacts.storage.image import pixel_size_um, write_image
from virtual_staining.errors import InputError


@pytest.fixture
def folder(tmp_path):
    write_fold(tmp_path, tiny())
    return tmp_path


def test_pair_as_written(folder):
    pair, expected = load_pair("s0", folder / "n", folder / "m"), make_pair(0)
    for name in ("ct", "slide", "mask"):
        np.testing.assert_array_equal(getattr(pair, name), getattr(expected, name))
    assert pixel_size_um(folder / "n" / "s0" / "ct.tif") == pytest.approx(20)


@pytest.mark.parametrize(
    ("name", "image"),
    [
        ("n/s0/ct.tif", np.zeros((50, 44), np.uint8)),
        ("n/s0/slide.tif", np.zeros((50, 44), np.uint8)),
        ("n/s0/slide.tif", np.zeros((50, 43, 3), np.uint8)),
        ("m/s0/mask.tif", np.zeros((49, 44), np.uint8)),
    ],
)
def test_images_that_do_not_fit_are_named(folder, name, image):
    write_image(folder / name, image, 20.0)
    with pytest.raises(InputError, match=name):
        load_pair("s0", folder / "n", folder / "m")


def test_missing_pair_is_named(folder):
    with pytest.raises(InputError, match=r"s9/ct\.tif: no such file; .snakemake pairs. makes"):
        load_pair("s9", folder / "n", folder / "m")
    with pytest.raises(InputError, match="no such file"):
        pixel_size_um(folder / "nothing.tif")


def test_fold(folder):
    fold = read_fold(folder / "folds.json", 1)
    assert fold.train == ("s0", "s1")
    assert fold.samples == ("s0", "s1", "s2", "s3")
    with pytest.raises(InputError, match="no fold 2"):
        read_fold(folder / "folds.json", 2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"folds": [{"fold": 1, "train": [], "validation": []}], "test": []}, "no training sample"),
        ({"folds": [{"fold": 1, "validation": []}], "test": []}, "train"),
        ({}, "folds"),
    ],
)
def test_bad_folds_are_refused(tmp_path, content, said):
    write_json(tmp_path / "folds.json", content)
    with pytest.raises(InputError, match=said):
        read_fold(tmp_path / "folds.json", 1)
