"""The registered pair as `register section` writes it and later stages read it."""

import dataclasses
import json

import numpy as np
import pytest

from virtual_staining import __version__
from virtual_staining.artefacts.registered_pair import read_registered_pair
from virtual_staining.artefacts.registration import Registration, write_registration
from virtual_staining.artefacts.registration_place import read_section_map
from virtual_staining.artefacts.registration_table import read_summary
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap

TO_VOLUME = SectionMap(np.array([10.0, 20, 30]), np.array([1.0, 0, 0]), np.array([0, 0, 1.0]))
REGISTRATION = Registration(
    sample="S-1",
    volume="V-1",
    pair_shape_px=(4, 5),
    pair_pixel_um=5.0,
    pair_to_volume=TO_VOLUME,
    slide_to_volume=TO_VOLUME,
    pair_to_slide=np.array([[0, -1.0, 30], [1, 0, 10]]),
    slide_px_to_um=np.array([[0.5, 0, 0], [0, 0.5, 0]]),
    mutual_information=0.4,
    margin=0.3,
    agreeing=2,
    searches=3,
    confidence=0.9,
    scale_x=0.01,
    scale_y=-0.02,
    shear=0.0,
    rotation_deg=12.5,
    block=None,
    bone_dice=None,
    unsure=False,
    flags=["no bone", "no tissue"],
)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    ct = rng.integers(0, 2**16, (4, 5), np.uint16)
    slide = rng.integers(0, 256, (4, 5, 3), np.uint8)
    write_registration(tmp_path, ct, slide, ct > 2**15, REGISTRATION)
    return tmp_path


def read(folder):
    names = ("ct.tif", "slide.tif", "valid.tif", "transform.json")
    return read_registered_pair(*(folder / name for name in names))


def change(folder, **values):
    path = folder / "transform.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return path


def test_a_written_pair_is_read_back(folder):
    pair = read(folder)
    assert pair.ct.dtype == np.uint16 and pair.slide.dtype == np.uint8
    np.testing.assert_array_equal(pair.valid, pair.ct > 2**15)
    assert pair.pixel_um == pixel_size_um(folder / "valid.tif") == 5.0
    # Slide point (30, 10) µm is the pair's corner; the pair's x axis runs along the slide's y.
    corner_px, beside_px = np.array([60.0, 20, 1]), np.array([60.0, 30, 1])
    np.testing.assert_allclose(pair.slide_px_to_pair_px @ corner_px, [0, 0], atol=1e-12)
    np.testing.assert_allclose(pair.slide_px_to_pair_px @ beside_px, [1, 0], atol=1e-12)


def test_transform_json_states_format_version_and_every_field(folder):
    values = json.loads((folder / "transform.json").read_text())
    assert (values["format"], values["version"]) == (1, __version__)
    assert {field.name for field in dataclasses.fields(Registration)} <= set(values)
    section, slide_px_to_um = read_section_map(folder / "transform.json")
    np.testing.assert_array_equal(section.v, TO_VOLUME.v)
    np.testing.assert_array_equal(slide_px_to_um, REGISTRATION.slide_px_to_um)
    row = read_summary(folder / "transform.json")
    assert (row["sample"], row["flags"], row["confidence"]) == ("S-1", "no bone; no tissue", 0.9)
    assert np.isnan(row["bone_dice"])


def test_a_file_of_an_earlier_version_without_format_is_read(folder):
    path = folder / "transform.json"
    values = json.loads(path.read_text())
    del values["format"], values["version"]
    path.write_text(json.dumps(values))
    assert read(folder).pixel_um == 5.0


@pytest.mark.parametrize("found", [2, 0, "1", True, None])
def test_an_unknown_format_is_refused_with_the_remedy(folder, found):
    path = change(folder, format=found, version="9.1")
    for reader in (lambda: read(folder), lambda: read_summary(path)):
        with pytest.raises(InputError, match=r"format: .* is unknown .*9\.1.*register this sample"):
            reader()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"pair_pixel_um": 0}, "pair_pixel_um: 0 must be positive"),
        ({"pair_pixel_um": "5"}, "pair_pixel_um: '5' must be a number"),
        ({"pair_to_slide": [[1, 0, 0], [1, 0, 0]]}, "pair_to_slide: must be invertible"),
        ({"slide_px_to_um": [[1, 0], [0, 1]]}, "slide_px_to_um: must be two rows of three"),
    ],
)
def test_damaged_values_are_named(folder, values, words):
    change(folder, **values)
    with pytest.raises(InputError, match=words):
        read(folder)


def test_images_of_different_sizes_are_refused(folder, tmp_path):
    (folder / "valid.tif").write_bytes((folder / "slide.tif").read_bytes())
    with pytest.raises(InputError, match=r"valid\.tif: shape \(4, 5, 3\) does not fit"):
        read(folder)
