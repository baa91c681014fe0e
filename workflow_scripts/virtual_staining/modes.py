"""Peaks of a grey-value histogram: the levels of the materials in an image."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

BINS = 256
SMOOTH_BINS = 3
# Least prominence of a peak, as a share of the highest, on the square root of the counts: the root
# makes counting noise uniform, so that a broad tissue peak stands out beside a sharp one of air.
PROMINENCE = 0.08


@dataclass(frozen=True)
class Mode:
    """One peak: its level and the standard deviations of its two flanks."""

    level: float
    sigma_below: float
    sigma_above: float


def modes(values: np.ndarray) -> list[Mode]:
    """Find the peaks of the values' histogram, from dark to bright.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Grey values, any unit; empty gives an empty list.

    Returns
    -------
    list of Mode
        At least one when there are values. Flank widths come from the half-height points.
    """
    if values.size == 0:
        return []
    low, high = np.percentile(values, (0.1, 99.9))
    if high <= low:
        return [Mode(float(low), 0.0, 0.0)]
    counts, edges = np.histogram(values, BINS, (low, high))
    padding = 4 * SMOOTH_BINS
    counts = gaussian_filter1d(np.pad(counts, padding).astype(float), SMOOTH_BINS)
    root = np.sqrt(counts)
    width = edges[1] - edges[0]
    peaks, _ = find_peaks(root, prominence=PROMINENCE * root.max())
    return [
        Mode(
            level=float(low + (peak - padding + 0.5) * width),
            sigma_below=_flank(counts[: peak + 1][::-1]) * width,
            sigma_above=_flank(counts[peak:]) * width,
        )
        for peak in peaks
    ]


def _flank(falling: np.ndarray) -> float:
    """Standard deviation, in bins, of a flank that starts at its peak."""
    below = np.flatnonzero(falling < 0.5 * falling[0])
    half_width = below[0] if below.size else falling.size
    return half_width / np.sqrt(2 * np.log(2))
