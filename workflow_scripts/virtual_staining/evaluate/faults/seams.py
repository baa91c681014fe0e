"""Seams: the steps that tiled inference leaves at the borders of its tiles."""

from collections.abc import Sequence

import numpy as np

# Phases beside a phase with whose steps its own are compared; the nearest may hold its blur.
NEAR_PHASES = (-4, -3, -2, 2, 3, 4)


def seam_ratio(
    generated: np.ndarray, shown: Sequence[np.ndarray], region: np.ndarray, period_px: int
) -> float:
    """Contrast of the steps that repeat with the tiles, relative to what the images show there.

    Edges of the specimen make steps too. Therefore the contrast of the generated slide's strongest
    phase is divided by the contrast of the same phase, and so of the same rows, on the real slide
    or in the CT, whichever is larger. The mean over rows and columns is returned.

    Parameters
    ----------
    generated : ndarray, shape (y, x, 3), uint8
        Whole slide; tiles begin at pixel 0.
    shown : sequence of ndarray, shape (y, x) or (y, x, 3)
        The real slide and the CT.
    region : ndarray of bool, shape (y, x)
        Steps between two of its pixels count.
    period_px : int
        Distance of neighbouring tiles, pixels.

    Returns
    -------
    float
        About 1 without seams, whatever is shown; more where steps gather at the tiles' borders; NaN
        where the generated slide has no step in the region.
    """
    own = [phase_contrast(axis, period_px) for axis in _axes(generated, region)]
    others = [
        np.fmax.reduce([phase_contrast(image, period_px) for image in images])
        for images in zip(*(_axes(image, region) for image in shown), strict=True)
    ]
    if any(np.isnan(contrast).all() for contrast in own):
        return float("nan")
    strongest = [int(np.nanargmax(contrast)) for contrast in own]
    ratios = [
        mine[phase] / theirs[phase]
        for mine, theirs, phase in zip(own, others, strongest, strict=True)
    ]
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
    grey, region = axis
    counted = region[1:] & region[:-1]
    steps = np.where(counted, np.abs(np.diff(grey, axis=0)), 0).sum(axis=1, dtype=np.float64)
    phase = np.arange(len(steps)) % period_px
    totals = np.bincount(phase, steps, period_px)
    counts = np.bincount(phase, counted.sum(axis=1), period_px)
    means = np.divide(totals, counts, where=counts > 0, out=np.full(period_px, np.nan))
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
