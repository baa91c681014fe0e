"""Colour difference, sharpness, seams and invented structures on images of known answer."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from virtual_staining.evaluate.faults.false_structures import (
    dark_tissue_fraction,
    false_hole_fraction,
    lost_implant_fraction,
)
from virtual_staining.evaluate.faults.seams import image_steps, phase_contrast
from virtual_staining.evaluate.faults.seams import seam_ratio as seam_ratio_of_steps
from virtual_staining.evaluate.metric import PatchPairs
from virtual_staining.evaluate.metrics.colour_difference import compute as mean_differences
from virtual_staining.evaluate.metrics.colour_difference import delta_e_2000
from virtual_staining.evaluate.metrics.sharpness import detail
from virtual_staining.evaluate.metrics.sharpness import sharpness as sharpness_of_details

EVERYWHERE = np.ones((128, 128), bool)
GLASS = np.full(3, 250, np.uint8)


@pytest.fixture(scope="module")
def photo():
    return np.ascontiguousarray(data.astronaut()[:128, 160:288])


def sharpness(real, generated, region):
    return sharpness_of_details(detail(real), detail(generated), region)


def seam_ratio(generated, shown, region, period_px):
    others = [image_steps(image, region) for image in shown]
    return seam_ratio_of_steps(image_steps(generated, region), others, period_px)


def blurred(image, sigma_px):
    return ndimage.gaussian_filter(image, (sigma_px, sigma_px, 0))


def test_black_against_white_is_100():
    black = np.zeros((4, 4, 3), np.uint8)
    white = np.full((4, 4, 3), 255, np.uint8)
    assert delta_e_2000(black, white) == pytest.approx(np.full((4, 4), 100), abs=1e-3)
    assert (delta_e_2000(white, white) == 0).all()


def test_greys_differ_by_their_lightness_alone():
    """Of two greys CIEDE2000 is ΔL over S_L = 1 + 0.015 (L - 50)² / sqrt(20 + (L - 50)²)."""
    lightness = 116 * np.cbrt((np.array([100, 120]) / 255 + 0.055) ** 2.4 / 1.055**2.4) - 16
    distance = (lightness.mean() - 50) ** 2
    expected = np.diff(lightness)[0] / (1 + 0.015 * distance / np.sqrt(20 + distance))
    greys = (np.full((2, 2, 3), value, np.uint8) for value in (100, 120))
    assert delta_e_2000(*greys) == pytest.approx(np.full((2, 2), expected), rel=1e-4)


def test_colours_outside_the_region_do_not_count(photo):
    other = photo.copy()
    other[:64] = 0
    region = EVERYWHERE.copy()
    region[:64] = False
    images = np.array([photo] * 3), np.array([other] * 3)
    pairs = PatchPairs(*images, *2 * [np.array([region, ~region, region & False])], GLASS)
    values = mean_differences(pairs)
    assert values[0] == 0 and values[1] > 5 and np.isnan(values[2])


def test_a_blurred_copy_loses_sharpness_and_noise_gains_it(photo):
    assert sharpness(photo, photo, EVERYWHERE) == pytest.approx(1)
    values = [sharpness(photo, blurred(photo, sigma), EVERYWHERE) for sigma in (0.7, 1, 2)]
    assert 0.7 > values[0] > values[1] > values[2] > 0
    noise = np.random.default_rng(0).normal(0, 20, photo.shape)
    assert sharpness(photo, np.clip(photo + noise, 0, 255).astype(np.uint8), EVERYWHERE) > 1.2


def test_halved_contrast_has_a_quarter_of_the_energy():
    checks = np.indices((64, 64)).sum(0) % 2 * 80
    real, flat = (np.repeat(image[..., None] + 100, 3, -1) for image in (checks, checks // 2))
    region = np.ones((64, 64), bool)
    assert sharpness(real.astype(np.uint8), flat.astype(np.uint8), region) == pytest.approx(0.25)


def test_sharpness_of_nothing_is_undefined(photo):
    narrow = np.zeros_like(EVERYWHERE)
    narrow[10:14] = True
    assert np.isnan(sharpness(photo, photo, narrow))
    flat = np.full_like(photo, 9)
    assert np.isnan(sharpness(flat, photo, EVERYWHERE))


def test_steps_at_tile_borders_are_seen(photo):
    tiled = photo.astype(int)
    tiled += 15 * ((np.arange(128) // 32) % 2)[:, None, None]
    tiled += 15 * ((np.arange(128) // 32) % 2)[None, :, None]
    tiled = np.clip(tiled, 0, 255).astype(np.uint8)
    shown = photo, photo[..., 1]
    assert seam_ratio(photo, shown, EVERYWHERE, 32) == pytest.approx(1, abs=1e-3)
    assert seam_ratio(tiled, shown, EVERYWHERE, 32) > 1.3
    # What both show is no seam, although it repeats with the tiles.
    assert seam_ratio(tiled, (tiled, photo[..., 1]), EVERYWHERE, 32) == pytest.approx(1, abs=0.05)
    assert seam_ratio(blurred(photo, 1), shown, EVERYWHERE, 32) < 1.15


def test_a_slide_without_tiles_has_no_seams_at_any_period():
    """The strongest of many phases stands out by chance, and more on a smooth slide."""
    whole = np.ascontiguousarray(data.astronaut()[:300, 100:400])
    region = np.ones(whole.shape[:2], bool)
    stained, shown = blurred(whole, 1.5), (whole, whole[..., 1])
    ratios = [seam_ratio(stained, shown, region, period) for period in range(50, 80, 3)]
    assert np.mean(ratios) == pytest.approx(1, abs=0.05)
    assert max(ratios) < 1.25
    tiled = stained.astype(int) + 6 * ((np.arange(300) // 64) % 2)[:, None, None]
    tiled += 6 * ((np.arange(300) // 64) % 2)[None, :, None]
    tiled = np.clip(tiled, 0, 255).astype(np.uint8)
    assert seam_ratio(tiled, shown, region, 64) > 1.5


def test_contrast_of_known_steps():
    """Tiles of 16 px in a chequerboard: a step at one of 16 phases, 16 times the mean step."""
    tiles = np.indices((128, 128)) // 16 % 2
    board = 100 + 20.0 * (tiles[0] ^ tiles[1])
    contrast = phase_contrast((board, EVERYWHERE), 16)
    assert contrast[15] == pytest.approx(2 * 16) and not contrast[:15].any()
    assert phase_contrast((board, EVERYWHERE), 17).max() < 6
    region = EVERYWHERE.copy()
    region[:, 15::16] = region[15::16] = False  # the steps lie outside
    assert np.isnan(phase_contrast((board, region), 16)).all()
    flat = np.repeat(board[..., None], 3, -1).astype(np.uint8)
    assert np.isnan(seam_ratio(flat, (flat,), region, 16))


def test_holes_that_the_real_slide_lacks_are_counted():
    real = np.full((10, 10, 3), 120, np.uint8)
    real[0] = 245  # a true gap
    bone = np.ones((10, 10), bool)
    bone[9] = False
    generated = real.copy()
    generated[1, :4] = 248
    generated[9] = 248  # not bone
    generated[2, 0] = (248, 248, 180)  # tinted, no glass
    assert false_hole_fraction(real, real, bone, GLASS) == 0
    assert false_hole_fraction(real, generated, bone, GLASS) == pytest.approx(4 / 80)
    assert np.isnan(false_hole_fraction(real, real, bone & False, GLASS))


def test_tissue_painted_as_implant_is_counted():
    real = np.full((10, 10, 3), 150, np.uint8)
    real[0] = 20  # dark on the real slide as well
    tissue = np.ones((10, 10), bool)
    tissue[9] = False
    generated = real.copy()
    generated[1, :9] = 5
    generated[9] = 5
    assert dark_tissue_fraction(real, real, tissue) == 0
    assert dark_tissue_fraction(real, generated, tissue) == pytest.approx(9 / 80)


def test_implant_painted_as_tissue_is_counted():
    real = np.full((10, 10, 3), 20, np.uint8)
    real[0] = 150  # where the section has lost the implant
    implant = np.ones((10, 10), bool)
    generated = real.copy()
    generated[:3] = 150
    generated[3] = 80  # neither light nor dark
    assert lost_implant_fraction(real, real, implant) == 0
    assert lost_implant_fraction(real, generated, implant) == pytest.approx(20 / 90)
