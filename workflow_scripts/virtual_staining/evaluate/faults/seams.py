"""Seams: the steps that tiled inference leaves at the borders of its tiles."""

import numpy as np


def seam_ratio(
    real: np.ndarray, generated: np.ndarray, region: np.ndarray, period_px: int
) -> float:
    """Strength of steps that repeat with the tiles, relative to the real slide.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
        Whole slides; tiles begin at pixel 0.
    region : ndarray of bool, shape (y, x)
        Steps between two of its pixels count.
    period_px : int
        Distance of neighbouring tiles, pixels.

    Returns
    -------
    float
        1 where the generated slide's steps are spread as the real slide's are, more where they
        gather at the tiles' borders; NaN where a slide has no step in the region.
    """
    strengths = [seam_strength(image, region, period_px) for image in (generated, real)]
    return strengths[0] / strengths[1]


def seam_strength(image: np.ndarray, region: np.ndarray, period_px: int) -> float:
    """Largest mean step at one phase of a period over the mean step, mean of the two axes.

    A step is the absolute difference of neighbouring pixels of the grey image (mean of the
    channels); its phase is its row or column modulo the period.

    Parameters
    ----------
    image : ndarray, shape (y, x, 3), uint8
    region : ndarray of bool, shape (y, x)
    period_px : int

    Returns
    -------
    float
        At least 1; NaN without any step.
    """
    grey = image.mean(axis=-1, dtype=np.float32)
    axes = (grey, region), (grey.T, region.T)
    return float(np.mean([_strongest_phase(*axis, period_px) for axis in axes]))


def _strongest_phase(grey: np.ndarray, region: np.ndarray, period_px: int) -> float:
    """Ratio of the strongest phase's mean step between rows to the mean step of the phases."""
    counted = region[1:] & region[:-1]
    steps = np.where(counted, np.abs(np.diff(grey, axis=0)), 0).sum(axis=1, dtype=np.float64)
    phase = np.arange(len(steps)) % period_px
    totals = np.bincount(phase, steps, period_px)
    counts = np.bincount(phase, counted.sum(axis=1), period_px)
    means = totals[counts > 0] / counts[counts > 0]
    if not means.any():
        return float("nan")
    return means.max() / means.mean()
