"""A known displacement of soft tissue is found, bone stays, another specimen explains nothing."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from virtual_staining.imaging.soft_field import (
    find_soft_field,
    folded_share,
    jacobian,
    soft_similarity,
    warped,
)

SHAPE = (160, 180)
LIMITS = (5.0, 75.0, 100.0, 1.0)  # pixel, smoothing, largest displacement (µm), check (px)


def tissue(seed: int, blur: float = 1.5) -> np.ndarray:
    """Return a plane of coloured blobs, uint8 (y, x, 3)."""
    rng = np.random.default_rng(seed)
    blobs = gaussian_filter(rng.standard_normal(SHAPE), 4) * 8
    fine = gaussian_filter(rng.standard_normal(SHAPE), blur) * 2
    grey = np.clip(150 + 60 * (blobs + 0.5 * fine), 0, 255)
    return np.stack([grey, 0.8 * grey, 0.9 * grey], 2).astype(np.uint8)


def case():
    """Return the section as it should be, as it is, soft tissue, and its true displacement."""
    y, x = np.indices(SHAPE, float)
    soft = (y - 80) ** 2 + (x - 90) ** 2 > 30**2  # a disc of bone
    shift = np.stack([5 * np.sin(y / 40), 4 * np.cos(x / 50)]).astype(np.float32)
    still = tissue(1)
    moved = np.where(soft[..., None], warped(still, shift), still)
    return still, moved, soft, shift


def error_px(field, shift, soft):
    return np.sqrt(((field + warped(shift, field)) ** 2).sum(0)[soft].mean())


def test_a_known_displacement_is_found_and_bone_stays():
    still, moved, soft, shift = case()
    field = find_soft_field(still, moved, soft, *LIMITS)
    before, after = (error_px(f, shift, soft) for f in (np.zeros_like(shift), field.shift_px))
    assert before > 4 and after < 0.35 * before
    assert (field.shift_px[:, ~soft] == 0).all()
    assert folded_share(field.shift_px, soft, 5.0) == 0
    assert field.return_px < 0.5 and field.trusted.sum() > 0.7 * soft.sum()
    refined = warped(moved, field.shift_px)
    assert soft_similarity(still, refined, soft) > soft_similarity(still, moved, soft) + 0.3


def test_another_specimen_explains_little():
    still, moved, soft, _ = case()
    gains = []
    for predicted in (still, tissue(2)):
        shift = find_soft_field(predicted, moved, soft, *LIMITS).shift_px
        images = (moved, warped(moved, shift))
        before, after = (soft_similarity(predicted, image, soft) for image in images)
        gains.append(after - before)
    assert gains[0] > 0.3 and gains[1] < 0.3 * gains[0]


@pytest.mark.parametrize("largest_um", [5.0, 12.0])
def test_no_displacement_is_larger_than_allowed(largest_um):
    still, moved, soft, _ = case()
    field = find_soft_field(still, moved, soft, 5.0, 75.0, largest_um, 1.0)
    assert np.hypot(*field.shift_px).max() * 5.0 <= largest_um * 1.001


def test_without_soft_tissue_nothing_moves():
    still, moved, soft, _ = case()
    field = find_soft_field(still, moved, np.zeros_like(soft), *LIMITS)
    assert not field.shift_px.any() and np.isnan(soft_similarity(still, moved, soft & False))


def test_the_jacobian_is_that_of_a_stretch_and_of_a_fold():
    y, x = np.indices((9, 9), float)
    assert np.allclose(jacobian(np.stack([0.1 * x, -0.2 * y])), 1.1 * 0.8)
    assert np.allclose(jacobian(np.stack([-2 * x, 0 * y])), -1)
