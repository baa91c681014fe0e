"""Pairs that were aligned before: from two images to what the registration leaves."""

import json

import cv2
import numpy as np
import pytest
import tifffile
from raw_slides import as_stored

from virtual_staining.artefacts.folders import RegisteredFolder
from virtual_staining.artefacts.registered_pair import read_registered_pair
from virtual_staining.artefacts.registration_place import read_section_map
from virtual_staining.artefacts.registration_table import read_summary
from virtual_staining.artefacts.slide import write_slide_pyramid
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.cli import main
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.aligned import area_means, mutual_information
from virtual_staining.register.result.pair_grid import PairGrid

PLACE = SectionMap(np.zeros(3), np.eye(3)[0], np.eye(3)[1])


def aligned(folder, ct, slide, *, slide_um=10.0, pair_um=10.0, insist=False, **stored):
    """Register an aligned pair by the command; return its status and the folder."""
    write_slide_pyramid(folder / "slide.ome.tif", slide, slide_um)
    tifffile.imwrite(folder / "ct.tif", ct, **stored)
    out = folder / "out"
    paths = ["--ct", str(folder / "ct.tif"), "--slide", str(folder / "slide.ome.tif")]
    ids = ["--sample", "S-1", "--volume", "S-1", "--settings", "{}", "--out", str(out)]
    options = [f"--aligned-um={pair_um}", *(["--insist"] if insist else [])]
    return main(["register", "section", *paths, *options, *ids]), out


def read(out):
    files = RegisteredFolder(out)
    return read_registered_pair(files.ct, files.slide, files.valid, files.transform)


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(1, 60000, (36, 44)).astype("u2"), rng.integers(0, 255, (36, 44, 3)).astype(
        "u1"
    )


def test_images_of_the_studys_pixel_size_come_back(tmp_path, images):
    ct, slide = images
    status, out = aligned(tmp_path, ct, slide)
    pair = read(out)
    assert status == 0 and pair.pixel_um == 10 and pair.valid.all()
    np.testing.assert_array_equal(pair.ct, ct)
    np.testing.assert_array_equal(pair.slide, slide)
    np.testing.assert_allclose(pair.slide_px_to_pair_px, np.eye(2, 3))
    row = read_summary(out / "transform.json")
    assert row["confidence"] == 1 and not row["unsure"] and not row["flags"]
    assert read_section_map(out / "transform.json")[0].normal.tolist() == [0, 0, 1]
    assert (out / "qc.png").is_file() and (out / "slide_to_volume.tfm").is_file()


def test_finer_images_are_averaged_to_the_same_pixels(tmp_path, images):
    ct, slide = images
    _, out = aligned(tmp_path, ct, slide, slide_um=5.0)
    pair = read(out)
    assert pair.ct.shape == (18, 22)
    np.testing.assert_allclose(
        pair.ct, cv2.resize(ct, (22, 18), interpolation=cv2.INTER_AREA), atol=1
    )
    means = cv2.resize(slide, (22, 18), interpolation=cv2.INTER_AREA)
    assert np.abs(pair.slide.astype(float) - means).max() <= 1
    np.testing.assert_allclose(pair.slide_px_to_pair_px, 0.5 * np.eye(2, 3))


def test_averages_of_8_bits_keep_their_fractions(tmp_path, images):
    """As those of volumes do: pixels of 2.5 µm become pixels of 10 µm, means of 16 values."""
    ct, slide = (images[0] % 200).astype("u1"), images[1]
    large = np.repeat(np.repeat(slide, 4, 0), 4, 1)[: len(ct) * 4, : ct.shape[1] * 4]
    fine = np.repeat(np.repeat(ct, 4, 0), 4, 1)
    fine[::2] += 1
    _, out = aligned(tmp_path, fine, large, slide_um=2.5)
    np.testing.assert_allclose(read(out).ct, 257 * (ct + 0.5), atol=1)


def test_area_means_weight_pixels_that_an_edge_cuts():
    """Pixels of 2.7 of the image's, against each of the image's pixels cut into 10 x 10."""
    image = np.random.default_rng(1).random((9, 70))
    cut = image.repeat(10, 0).repeat(10, 1)[:81, :675].reshape(3, 27, 25, 27)
    means = area_means(image, 1.0, PairGrid((3, 25), 2.7, PLACE))
    np.testing.assert_allclose(means, cut.mean(axis=(1, 3)))


@pytest.mark.parametrize(
    ("dtype", "step"),
    [("u1", 257), ("i2", 1), ("u4", None), ("f4", None), ("f2", None)],
)
def test_greys_of_other_types_keep_their_order(tmp_path, images, dtype, step):
    ct = (images[0] % 200).astype(dtype)
    _, out = aligned(tmp_path, ct, images[1])
    found = read(out).ct.astype(float)
    assert np.corrcoef(found.ravel(), ct.ravel().astype(float))[0, 1] > 0.9999
    if step:
        assert set(np.diff(np.unique(found))) == {step}


def test_what_holds_no_number_is_not_valid(tmp_path, images):
    ct = images[0].astype("f4")
    ct[:6, :8] = np.nan
    _, out = aligned(tmp_path, ct, images[1])
    valid = read(out).valid
    assert not valid[:6, :8].any() and valid[6:].all()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_orientation_tags_are_obeyed_as_in_slides(tmp_path, images, orientation):
    ct, slide = images
    stored = as_stored(ct, orientation)
    tag = (274, "H", 1, orientation, True)
    status, out = aligned(tmp_path, stored, slide, extratags=[tag])
    assert status == 0
    np.testing.assert_array_equal(read(out).ct, ct)


@pytest.mark.parametrize(
    "stored",
    [
        {"byteorder": ">"},
        {"compression": "zlib", "tile": (16, 16)},
        {"photometric": "miniswhite"},
        {"resolution": (1000, 1000), "resolutionunit": "CENTIMETER"},
        {"resolution": (72, 72), "resolutionunit": "INCH"},
    ],
)
def test_however_it_is_stored(tmp_path, images, stored):
    ct, slide = images
    as_written = 65535 - ct if "photometric" in stored else ct
    status, out = aligned(tmp_path, as_written, slide, **stored)
    assert status == 0
    np.testing.assert_array_equal(read(out).ct, ct)


def test_two_pixel_sizes_are_refused_unless_the_sheet_insists(tmp_path, images, capsys):
    ct, slide = images
    stored = {"resolution": (2000, 2000), "resolutionunit": "CENTIMETER"}
    said = refused(capsys, tmp_path, ct, slide, **stored)
    assert "its pixels are 5 x 5 µm (y, x) as the file says, but the slide's 10 µm" in said
    assert "slide_pixel_um with a last ! to insist (10!)" in said
    assert aligned(tmp_path, ct, slide, insist=True, **stored)[0] == 0


@pytest.mark.parametrize("value", [0, 65535])
@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_fill_around_a_round_field_is_not_valid(tmp_path, value, dtype):
    """As a warped or reconstructed image is filled outside its field."""
    rng = np.random.default_rng(0)
    ct = (20000 + 3000 * rng.standard_normal((150, 150))).round().clip(1, 60000).astype(dtype)
    y, x = np.indices(ct.shape) - 74.5
    outside = np.hypot(y, x) > 70
    slide = rng.integers(0, 255, (150, 150, 3)).astype("u1")
    _, out = aligned(tmp_path, np.where(outside, np.array(value, dtype), ct), slide)
    pair = read(out)
    np.testing.assert_array_equal(pair.valid, ~outside)
    np.testing.assert_array_equal(read_image(RegisteredFolder(out).valid) > 0, ~outside)
    assert np.corrcoef(pair.ct[pair.valid], ct[~outside])[0, 1] > 0.9999
    if dtype == "f4":  # greys are scaled by what was measured
        assert np.ptp(pair.ct[pair.valid].astype(float)) > 65000


def refused(capsys, folder, *arguments, **options):
    status, out = aligned(folder, *arguments, **options)
    assert status == 1 and not (out / "transform.json").exists()
    return capsys.readouterr().err


def test_refusals(tmp_path, images, capsys):
    ct, slide = images
    said = refused(capsys, tmp_path, ct[:-1], slide)
    assert "ct.tif: ct_image has 35 x 44 pixels, the slide 36 x 44" in said
    said = refused(capsys, tmp_path, ct, slide, slide_um=12.0)
    assert "slide_pixel_um is 12 µm, coarser than ingest.voxel_size_um, 10 µm" in said
    assert "one value only" in refused(capsys, tmp_path, np.full_like(ct, 7), slide)
    said = refused(capsys, tmp_path, np.stack([ct] * 3, 2), slide)
    assert "grey" in said
    said = refused(capsys, tmp_path, np.stack([ct] * 3), slide, photometric="minisblack")
    assert "holds 3 pages; save the one that is meant" in said
    status, _ = aligned(tmp_path, ct, slide, extratags=[(274, "H", 1, 9, True)])
    assert status == 1 and "its orientation tag is 9, not 1 to 8" in capsys.readouterr().err


def test_other_formats_are_refused_by_name(tmp_path, images, capsys):
    write_slide_pyramid(tmp_path / "slide.ome.tif", images[1], 10.0)
    (tmp_path / "ct.mha").write_bytes(b"ObjectType = Image")
    paths = ["--ct", str(tmp_path / "ct.mha"), "--slide", str(tmp_path / "slide.ome.tif")]
    ids = ["--sample", "S-1", "--volume", "S-1", "--settings", "{}", "--out", str(tmp_path / "o")]
    assert main(["register", "section", *paths, "--aligned-um=10", *ids]) == 1
    assert "ct.mha: ct_image must be one of .tif, " in capsys.readouterr().err


def test_mutual_information_of_equal_and_of_independent_values():
    rng = np.random.default_rng(0)
    grey, other = rng.integers(0, 64, (2, 200_000))
    assert mutual_information(grey, grey) == pytest.approx(np.log(64), rel=1e-3)
    assert mutual_information(grey, other) < 0.02


def test_a_failed_pair_is_left_out_where_the_study_says_so(tmp_path, images):
    ct, slide = images
    write_slide_pyramid(tmp_path / "slide.ome.tif", slide, 10.0)
    tifffile.imwrite(tmp_path / "ct.tif", ct[:-1])
    paths = ["--ct", str(tmp_path / "ct.tif"), "--slide", str(tmp_path / "slide.ome.tif")]
    ids = ["--sample", "S-1", "--volume", "S-1", "--settings", "{}", "--out", str(tmp_path / "o")]
    assert main(["register", "section", *paths, "--aligned-um=10", "--failed=drop", *ids]) == 0
    assert "35 x 44" in json.loads((tmp_path / "o/transform.json").read_text())["failed"]
