"""What was not measured: told from air, kept in the artefacts, left out of levels and stains."""

import numpy as np
import pytest
from pair_phantom import make_pair
from scipy import ndimage

from virtual_staining.artefacts.slide import open_slide_pyramid
from virtual_staining.artefacts.volume import open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.measured import AIR, FILL, find_fill, unmeasured
from virtual_staining.ingest.convert_slide import ingest_slide
from virtual_staining.ingest.convert_volume import ingest_volume
from virtual_staining.normalize.normalization import choose_regions, normalize_pair
from virtual_staining.readers.source import RawSlide, Source
from virtual_staining.register.inputs import read_volume
from virtual_staining.register.result.pair_grid import PairGrid
from virtual_staining.register.result.pair_images import scanned_pixels
from virtual_staining.settings.ingest import IngestSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.register import RegisterSettings
from virtual_staining.stain.fusion import clear

SIDE = 160
AIR_GREY, BONE_GREY, NOISE = 6000, 24000, 700


def outside_circle(radius, side=SIDE):
    y, x = np.indices((side, side)) - (side - 1) / 2
    return np.hypot(y, x) > radius * side


def scan(shape="blob", blur=1.0, seed=0):
    """A plane of a specimen in noisy air, uint16."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    specimen = {
        "blob": ndimage.gaussian_filter(rng.standard_normal((SIDE, SIDE)), 6) * 8
        > np.hypot(y, x) / 40 - 1,
        "core": np.hypot(y - 5, x + 3) < 0.33 * SIDE,
        "box": (abs(y) < 45) & (abs(x) < 52),
        "full": np.full((SIDE, SIDE), True),
    }[shape]
    grey = ndimage.gaussian_filter(np.where(specimen, BONE_GREY, AIR_GREY).astype(float), blur)
    return (grey + rng.normal(0, NOISE, grey.shape)).clip(0, 65535).astype(np.uint16)


def kinds(plane):
    return {fill.value: fill.kind for fill in find_fill([plane])}


@pytest.mark.parametrize("shape", ["blob", "core", "box", "full"])
@pytest.mark.parametrize("value", [0, 65535, 1234])
@pytest.mark.parametrize("radius", [0.46, 0.497, 0.6, 0.69])
def test_fill_around_a_circle_is_no_data(shape, value, radius):
    outside = outside_circle(radius)
    plane = np.where(outside, value, scan(shape)).astype(np.uint16)
    fills = find_fill([plane])
    assert [(fill.value, fill.kind) for fill in fills] == [(value, FILL)]
    wrong = unmeasured(plane, fills) != outside
    assert wrong.sum() <= 0.001 * plane.size + 4  # noise of the same value beside the edge


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("angle", [4, 30])
def test_corners_of_a_turned_plane_are_no_data(angle, order):
    grey = ndimage.rotate(scan().astype(float), angle, order=order)
    there = ndimage.rotate(np.ones((SIDE, SIDE)), angle, order=1) > 0.999
    plane = grey.clip(0, 65535).astype(np.uint16)
    empty = unmeasured(plane, find_fill([plane]))
    assert (empty & there).sum() < 0.02 * there.sum()
    assert not (~empty & ~ndimage.binary_dilation(there, iterations=2)).any()


@pytest.mark.parametrize("shape", ["blob", "core", "box"])
@pytest.mark.parametrize("blur", [0.7, 1.5])
@pytest.mark.parametrize("cut", [AIR_GREY, AIR_GREY + 2 * NOISE, AIR_GREY + 6 * NOISE])
@pytest.mark.parametrize("bits", [8, 16])
def test_air_of_a_clipped_scan_is_data_whatever_the_specimens_outline(shape, blur, cut, bits):
    plane = np.clip(scan(shape, blur).astype(int) - cut, 0, None)
    plane = (plane // 100).astype(np.uint8) if bits == 8 else plane.astype(np.uint16)
    assert kinds(plane).get(0, AIR) != FILL
    assert not unmeasured(plane, find_fill([plane])).any()


def test_noisy_air_and_a_specimen_without_noise_are_data():
    assert not any(kind == FILL for kind in kinds(scan()).values())
    drawn = np.full((SIDE, SIDE), 500, np.uint16)
    drawn[40:120, 50:110] = 900
    assert kinds(drawn) == {500: AIR}


def test_padding_that_divides_a_field_and_padded_end_planes_are_no_data():
    plane = scan("box")
    plane[70:85] = 0
    assert unmeasured(plane, find_fill([plane])).sum() == 15 * SIDE
    blank = np.zeros_like(plane)
    fills = find_fill([blank, scan("box", seed=1), scan("box", seed=2)])
    assert [fill.kind for fill in fills] == [FILL]
    assert unmeasured(blank, fills).all()
    clipped = np.clip(scan("blob").astype(int) - AIR_GREY - 5 * NOISE, 0, None)
    fills = find_fill([np.zeros_like(clipped), clipped, clipped])  # above the specimen is air
    assert [fill.kind for fill in fills] == [AIR]


def ingested(volume, tmp_path, size=(5.0, 5.0, 5.0)):
    source = Source("ct.tif", volume.shape, volume.dtype, lambda a, b: volume[a:b])
    ingest_volume(source, size, IngestSettings(), tmp_path / "ct.ome.zarr", 2)
    return open_volume_pyramid(tmp_path / "ct.ome.zarr")


def round_volume(value, dtype="uint16"):
    outside = outside_circle(0.495)
    volume = np.stack([scan(seed=z) for z in range(12)]).astype(dtype)
    return np.where(outside, np.array(value, dtype), volume), outside


@pytest.mark.parametrize("value", [0, 65535])
def test_ingest_keeps_what_was_measured_beside_the_volume(value, tmp_path):
    volume, outside = round_volume(value)
    levels = ingested(volume, tmp_path)
    measured = levels[0].measured[:] > 0
    np.testing.assert_array_equal(measured, np.broadcast_to(~outside, volume.shape))
    stored = levels[0].array[:]
    np.testing.assert_array_equal(stored[measured], volume[measured])
    assert abs(stored[~measured].astype(int) - AIR_GREY).max() < NOISE / 3
    assert [level.measured.shape for level in levels] == [level.array.shape for level in levels]
    # all voxels that go into a resampled voxel must have been measured
    coarse = ingested(volume, tmp_path, (5.0, 2.5, 2.5))[0]
    seen = coarse.measured[:] > 0
    core = ~ndimage.binary_dilation(outside, iterations=4)[::2, ::2]
    assert seen[:, core].all() and not seen[:, outside[::2, ::2] & outside[1::2, 1::2]].any()
    assert coarse.array[:][seen].max() < BONE_GREY + 6 * NOISE


def test_a_wholly_measured_volume_has_no_such_array(tmp_path):
    level = ingested(np.stack([scan(seed=z) for z in range(6)]), tmp_path)[0]
    assert level.measured is None


@pytest.mark.parametrize("value", [-9999, np.nan, np.inf])
def test_fill_of_floats_takes_no_grey_levels(value, tmp_path):
    volume, outside = round_volume(value, "float32")
    level = ingested(volume, tmp_path)[0]
    stored, inside = level.array[:], np.broadcast_to(~outside, volume.shape)
    assert np.unique(stored[inside]).size > 0.95 * np.unique(volume[inside]).size


def test_values_that_are_not_finite_inside_the_field_are_refused(tmp_path):
    volume, _ = round_volume(np.nan, "float32")
    volume[5, 80, 70] = np.nan
    with pytest.raises(InputError, match=r"ct\.tif: nan at z=5, y=80, x=70, inside the field"):
        ingested(volume, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("share", [0.0041, 0.03, 0.2])
def test_fill_moves_no_grey_level_of_a_pair(share):
    ct, slide, _ = make_pair("Mg")
    radius = next(r for r in np.linspace(0.75, 0.4, 400) if _share(ct.shape, r) >= share)
    outside = _outside(ct.shape, radius)
    everywhere = np.ones(ct.shape, bool)
    scales = []
    for image, valid in ((ct, everywhere), (np.where(outside, 0, ct).astype(ct.dtype), None)):
        seen = ~unmeasured(image, find_fill([image])) if valid is None else valid
        regions = choose_regions(image, slide, seen, 5.0, {}, NormalizeSettings())
        scales.append(normalize_pair(image, slide, regions, NormalizeSettings())[2].ct)
    assert scales[1].scale == pytest.approx(scales[0].scale, rel=0.01)
    assert scales[1].offset == pytest.approx(scales[0].offset, abs=150)


def _outside(shape, radius):
    y, x = (np.linspace(-0.5, 0.5, n) for n in shape)
    return np.hypot(y[:, None], x) > radius


def _share(shape, radius):
    return _outside(shape, radius).mean()


def test_the_search_sees_air_where_nothing_was_measured(tmp_path):
    """Its grey levels are those of the volume without the fill."""
    volume, outside = round_volume(65535)
    plain = np.stack([scan(seed=z) for z in range(12)])
    found = [
        read_volume(ingested(v, tmp_path), RegisterSettings(fine_um=5, coarse_um=5))
        for v in (volume, plain)
    ]
    filled, whole = (scales.volumes[0].astype(int) for scales in found)
    assert abs(filled[:, ~outside] - whole[:, ~outside]).max() <= 2
    assert (filled[:, outside] == round(found[0].air)).all()
    assert found[0].air == pytest.approx(found[1].air, abs=3)


def test_unmeasured_voxels_are_stained_white_and_transparent():
    rgba = np.full((4, 5, 6), 90, np.uint8)
    measured = np.ones((5, 6), bool)
    measured[:2] = False
    clear(rgba, ~measured)
    assert (rgba[:3, :2] == 255).all() and (rgba[3, :2] == 0).all() and (rgba[:, 2:] == 90).all()


GLASS, TISSUE = (242, 240, 234), (150, 60, 160)


def section():
    rng = np.random.default_rng(0)
    y, x = np.indices((240, 300))
    image = np.where((np.hypot(y - 120, x - 150) < 70)[..., None], TISSUE, GLASS).astype(float)
    image = ndimage.gaussian_filter(image, (1, 1, 0)) + rng.normal(0, 2, image.shape)
    return image.clip(0, 255).astype(np.uint8)


def slide_of(image, tmp_path, target_um=1.0):
    slide = RawSlide("s.tif", image.shape, image.dtype, lambda a, b: image[a:b])
    ingest_slide(slide, (1.0, 1.0), target_um, tmp_path / "s.ome.tif")
    return open_slide_pyramid(tmp_path / "s.ome.tif")


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("target_um", [1.0, 2.0])
def test_padding_of_a_slide_is_no_data_and_gets_the_glass_colour(value, target_um, tmp_path):
    image = np.full((300, 360, 3), value, np.uint8)
    image[20:260, 40:340] = section()
    levels = slide_of(image, tmp_path, target_um)
    measured = levels[0].read_measured()
    expected = np.zeros((300, 360), bool)
    expected[20:260, 40:340] = True
    step = int(target_um)
    np.testing.assert_array_equal(measured, expected[::step, ::step])
    np.testing.assert_allclose(levels[0].read()[~measured].mean(0), GLASS, atol=2)
    assert [level.read_measured().shape for level in levels] == [lv.shape[:2] for lv in levels]


def test_gaps_of_a_scan_are_no_data_but_a_cut_out_section_has_clean_glass(tmp_path):
    image = section()
    alpha = np.full((240, 300), 255, np.uint8)
    alpha[:60, :90] = 0
    measured = slide_of(np.dstack([image, alpha]), tmp_path)[0].read_measured()
    np.testing.assert_array_equal(measured, alpha > 0)
    y, x = np.indices(alpha.shape)
    cut = ((np.hypot(y - 120, x - 150) < 60) * 255).astype(np.uint8)
    assert slide_of(np.dstack([image, cut]), tmp_path)[0].read_measured() is None


@pytest.mark.parametrize("blur", [0, 1])
def test_saturated_glass_is_data(blur, tmp_path):
    tissue = np.zeros((240, 300))
    tissue[50:200, 60:250] = 1
    tissue = ndimage.gaussian_filter(tissue, blur) if blur else tissue
    noise = np.random.default_rng(0).normal(0, 3, (240, 300, 3))
    image = np.array((280, 280, 280)) * (1 - tissue[..., None]) + TISSUE * tissue[..., None] + noise
    assert slide_of(image.clip(0, 255).astype(np.uint8), tmp_path)[0].read_measured() is None


def test_unscanned_pixels_of_a_slide_are_not_valid_in_the_pair():
    measured = np.ones((40, 60), bool)
    measured[:, :20] = False
    grid = PairGrid((20, 30), 10.0, SectionMap(np.zeros(3), np.eye(3)[0], np.eye(3)[1]))
    found = scanned_pixels(measured, 5.0, np.array([[1.0, 0, 0], [0, 1.0, 0]]), grid)
    np.testing.assert_array_equal(found, measured[::2, ::2])
