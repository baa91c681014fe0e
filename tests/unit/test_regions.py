"""Background and tissue of planes whose truth is known, beyond the cohort's kind of CT."""

import numpy as np
import pytest

from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.regions import find_rois
from virtual_staining.settings.normalize import NormalizeSettings


def test_a_floor_of_zeros_beside_faint_noise_does_not_split_the_background():
    """As in light-sheet and two-photon volumes: a part of the empty space is exactly 0."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:120, :140]
    tissue = np.hypot(y - 60, x - 70) < 30
    lost = np.hypot(y - 100, x - 20) < 12  # clear glass on the section
    level = np.where(tissue | lost, 200 + 30 * rng.standard_normal(tissue.shape), 0)
    level += np.abs(4 + 2 * rng.standard_normal(tissue.shape)) * (y >= 20)
    slide = np.where(tissue[..., None], (120, 90, 70), (238, 236, 232))
    slide = (slide + rng.integers(-3, 4, slide.shape)).astype(np.uint8)
    settings = NormalizeSettings(reference_class="Tissue")
    valid = np.ones(tissue.shape, bool)
    reference, background = find_rois(level.astype(np.uint16), slide, valid, 100.0, settings)
    assert not (reference & ~tissue).any() and not (background & (tissue | lost)).any()
    assert reference.sum() > 0.6 * tissue.sum()
    assert background.sum() > 0.5 * (~tissue & ~lost).sum()


def section_of(tissue, rng):
    slide = np.where(tissue[..., None], (120, 90, 70), (238, 236, 232))
    return (slide + rng.integers(-3, 4, slide.shape)).astype(np.uint8)


def test_a_small_bright_part_of_the_tissue_does_not_pass_for_the_tissue():
    """As in the front of a brain, where the rim of the scan shines thirty times as bright."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:120, :140]
    tissue = np.hypot(y - 60, x - 70) < 35
    bright = np.hypot(y - 60, x - 45) < 7
    level = np.where(bright, 4500, np.where(tissue, 150, 5)) + 2 * rng.standard_normal(tissue.shape)
    settings = NormalizeSettings(reference_class="Tissue")
    valid = np.ones(tissue.shape, bool)
    ct = level.clip(0).astype(np.uint16)
    reference, _ = find_rois(ct, section_of(tissue, rng), valid, 100.0, settings)
    assert not (reference & (bright | ~tissue)).any()
    assert reference.sum() > 0.6 * tissue.sum()
    assert ct[reference].mean() == pytest.approx(150, rel=0.02)


def test_tissue_that_the_ct_does_not_show_is_asked_for():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:120, :140]
    tissue = np.hypot(y - 60, x - 70) < 35
    ct = (5 + 2 * rng.standard_normal(tissue.shape)).clip(0).astype(np.uint16)
    settings = NormalizeSettings(reference_class="Tissue")
    with pytest.raises(InputError, match="Tissue region has"):
        find_rois(ct, section_of(tissue, rng), np.ones(tissue.shape, bool), 100.0, settings)
