"""Fourier ring correlation on images of known cut-off."""

import numpy as np
import pytest

from virtual_staining.imaging.resolution import (
    cutoff,
    ring_correlation,
    single_image_correlation,
    slide_resolution,
)

SIDE = 128


def band_limited(limit, seed, count=6):
    """Random images without detail beyond a frequency (cycles per pixel), of unit variance."""
    noise = np.random.default_rng(seed).normal(size=(count, SIDE, SIDE))
    steps = np.fft.fftfreq(SIDE)
    inside = np.hypot(steps[:, None], steps) < limit
    images = np.fft.ifft2(np.fft.fft2(noise) * inside).real
    return images / images.std()


def noise(seed, level=0.05, count=6):
    return np.random.default_rng(seed).normal(0, level, (count, SIDE, SIDE))


@pytest.mark.parametrize("limit", [0.08, 0.15, 0.3])
def test_the_pairwise_cut_off_is_found(limit):
    common = band_limited(limit, 0)
    curve = ring_correlation(common + noise(1), common + noise(2))
    assert cutoff(*curve) == pytest.approx(limit, abs=3 / SIDE)
    assert curve[1][: int(limit * SIDE) - 3].min() > 0.9


@pytest.mark.parametrize("limit", [0.06, 0.12, 0.2])
def test_the_cut_off_of_a_single_image_is_found(limit):
    curve = single_image_correlation(band_limited(limit, 0) + noise(1))
    assert cutoff(*curve) == pytest.approx(limit, abs=3 / SIDE)
    assert curve[0].max() <= 0.26


def test_blur_coarsens_the_generated_slide():
    common = band_limited(0.4, 0)
    curves = [
        ring_correlation(common + noise(1), band_limited(f, 0) + noise(2)) for f in (0.1, 0.4)
    ]
    assert cutoff(*curves[0]) < 0.13 < cutoff(*curves[1])


def test_trap_misalignment_looks_like_lost_resolution():
    common = band_limited(0.3, 0)
    shifted = np.roll(common, 3, axis=1)
    assert cutoff(*ring_correlation(common + noise(1), shifted + noise(2))) < 0.2


def test_trap_an_image_without_noise_has_no_cut_off():
    assert np.isnan(cutoff(*single_image_correlation(band_limited(0.12, 0) ** 3)))
    common = band_limited(0.4, 0)
    assert np.isnan(cutoff(*ring_correlation(common, common)))


def test_strangers_do_not_correlate():
    _, correlation = ring_correlation(band_limited(0.3, 0), band_limited(0.3, 1))
    assert np.abs(correlation[8:30]).max() < 0.25
    assert np.isnan(ring_correlation(np.ones((1, 16, 16)), np.ones((1, 16, 16)))[1]).all()


def test_the_crossing_lies_between_two_rings():
    frequency, correlation = np.array([0.1, 0.2, 0.3]), np.array([1.0, 0.5, 0.0])
    assert cutoff(frequency, correlation, 0.25) == pytest.approx(0.25)
    assert np.isnan(cutoff(frequency, np.array([0.0, 1.0, 1.0]), 0.25))


def test_a_slides_resolutions_are_periods_in_um():
    common = 100 + 20 * band_limited(0.12, 0)
    slides = [common + noise(seed, 2.0) for seed in (1, 2)]
    colours = [np.repeat(slide[..., None], 3, -1) for slide in slides]
    found = slide_resolution(*colours, slides[0], pixel_um=10)
    wanted = 10 / 0.12
    assert list(found.values()) == pytest.approx([wanted] * 4, rel=0.25)
    assert np.isnan(list(slide_resolution(*colours, np.empty((0, 0, 0)), 10).values())).all()
