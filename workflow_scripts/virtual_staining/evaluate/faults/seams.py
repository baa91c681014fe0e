"""Seams: the steps that tiled inference leaves at the borders of its tiles."""

from collections.abc import Sequence

import numpy as np

# Phases beside a phase with whose steps its own are compared; the nearest may hold its blur.
NEAR_PHASES = (-4, -3, -2, 2, 3, 4)
# Periods beside the tiles', px, at which a slide without seams shows as much by chance.
NEAR_PERIODS_PX = (-11, -8, -5, -3, 3, 5, 8, 11)
LEAST_PERIOD_PX = 8

Steps = list[tuple[np.ndarray, np.ndarray]]
"""For rows and for columns: sum of the steps below each of them, and how many steps that are."""


def seam_ratio(own: Steps, shown: Sequence[Steps], period_px: int) -> float:
    """Contrast of the steps that repeat with the tiles, relative to what the images show there.

    Edges of the specimen make steps too. Therefore the contrast of the generated slide's strongest
    phase is divided by the contrast of the same phase, and so of the same rows, on the real slide
    or in the CT, whichever is larger. The strongest of many phases stands out by chance, the more
    the smoother the slide. Therefore this quotient, mean of rows and columns, is divided by its
    median over the periods beside, at which no tile repeats.

    Parameters
    ----------
    own : Steps
        From :func:`image_steps`, of the whole generated slide; tiles begin at pixel 0.
    shown : sequence of Steps
        Of the real slide and the CT, in the same region.
    period_px : int
        Distance of neighbouring tiles, pixels.

    Returns
    -------
    float
        About 1 without seams, whatever is shown; more where steps gather at the tiles' borders; NaN
        where the generated slide has no step in the region.
    """
    others = [list(axes) for axes in zip(*shown, strict=True)]
    beside = [period_px + shift for shift in NEAR_PERIODS_PX]
    by_chance = [_standing_out(own, others, p) for p in beside if p >= LEAST_PERIOD_PX]
    return _standing_out(own, others, period_px) / float(np.median(by_chance))


def image_steps(image: np.ndarray, region: np.ndarray) -> Steps:
    """Return the steps of an image along y and along x, whose seams :func:`seam_ratio` looks for.

    Parameters
    ----------
    image : ndarray, shape (y, x) or (y, x, 3)
    region : ndarray of bool, shape (y, x)
        Steps between two of its pixels count.
    """
    return [_row_steps(*axis) for axis in _axes(image, region)]


def _standing_out(own: Steps, others: list[list], period_px: int) -> float:
    """Return how far a slide's strongest phase exceeds what is shown there, for one period.

    Parameters
    ----------
    own : Steps
    others : list of list of (steps, counts)
        The same of each image that is shown, for rows and for columns.
    period_px : int
    """
    ratios = []
    for mine, shown in zip(own, others, strict=True):
        contrast = _contrast(*mine, period_px)
        if np.isnan(contrast).all():
            return float("nan")
        phase = int(np.nanargmax(contrast))
        theirs = np.fmax.reduce([_contrast(*image, period_px) for image in shown])
        ratios.append(contrast[phase] / theirs[phase])
    return float(np.mean(ratios))


def phase_contrast(axis: tuple[np.ndarray, np.ndarray], period_px: int) -> np.ndarray:
    """Mean step between rows at each phase of a period, relative to the phases around.

    A step is the absolute difference of neighbouring pixels; its phase is its row modulo the
    period. The mean step of a phase is divided by the mean of that of the phases around, of
    :data:`NEAR_PHASES`, and that of all phases. An edge of the specimen covers several rows, a
    tile's border one.

    Parameters
    ----------
    axis : (grey, region)
        Image (y, x) and, bool (y, x), where steps count.
    period_px : int

    Returns
    -------
    ndarray, shape (period_px,)
        NaN for a phase without a pixel in the region, and everywhere without any step.
    """
    return _contrast(*_row_steps(*axis), period_px)


def _row_steps(grey: np.ndarray, region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum of the steps below each row, and how many pixels the sum has."""
    counted = region[1:] & region[:-1]
    steps = np.where(counted, np.abs(np.diff(grey, axis=0)), 0).sum(axis=1, dtype=np.float64)
    return steps, counted.sum(axis=1)


def _contrast(steps: np.ndarray, counts: np.ndarray, period_px: int) -> np.ndarray:
    phase = np.arange(len(steps)) % period_px
    totals = np.bincount(phase, steps, period_px)
    pixels = np.bincount(phase, counts, period_px)
    means = np.divide(totals, pixels, where=pixels > 0, out=np.full(period_px, np.nan))
    if not np.nansum(means):
        return np.full(period_px, np.nan)
    near = np.array([np.roll(means, shift) for shift in NEAR_PHASES])
    weights = np.isfinite(near)
    around = np.where(weights, near, 0).sum(0) / np.maximum(weights.sum(0), 1)
    return means / ((around + np.nanmean(means)) / 2)


def _axes(image: np.ndarray, region: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the grey image and the region for steps between rows, then between columns."""
    grey = image.astype(np.float32)
    grey = grey.mean(axis=-1) if grey.ndim == 3 else grey
    return [(grey, region), (grey.T, region.T)]
