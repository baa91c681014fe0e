"""Peaks of a grey-value histogram: the levels of the materials in an image."""

from dataclasses import dataclass
from itertools import pairwise

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
    """One peak: its level, its share of all values, the standard deviations of its two flanks."""

    level: float
    share: float
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
        At least one when there are values. A share reaches from valley to valley; flank widths
        come from the half-height points.
    """
    if values.size == 0:
        return []
    low, high = np.percentile(values, (0.1, 99.9))
    if high <= low:
        return [Mode(float(low), 1.0, 0.0, 0.0)]
    counts, edges = np.histogram(values, BINS, (low, high))
    padding = 4 * SMOOTH_BINS
    counts = gaussian_filter1d(np.pad(counts, padding).astype(float), SMOOTH_BINS)
    root = np.sqrt(counts)
    width = edges[1] - edges[0]
    peaks, _ = find_peaks(root, prominence=PROMINENCE * root.max())
    valleys = [a + int(np.argmin(counts[a:b])) for a, b in pairwise(peaks)]
    limits = pairwise([0, *valleys, counts.size])
    return [
        Mode(
            level=float(low + (peak - padding + 0.5) * width),
            share=float(counts[start:stop].sum() / counts.sum()),
            sigma_below=float(_flank(counts[: peak + 1][::-1]) * width),
            sigma_above=float(_flank(counts[peak:]) * width),
        )
        for peak, (start, stop) in zip(peaks, limits, strict=True)
    ]


def _flank(falling: np.ndarray) -> float:
    """Standard deviation, in bins, of a flank that starts at its peak."""
    below = np.flatnonzero(falling < 0.5 * falling[0])
    half_width = below[0] if below.size else falling.size
    return half_width / np.sqrt(2 * np.log(2))
