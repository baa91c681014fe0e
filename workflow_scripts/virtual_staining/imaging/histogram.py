"""Peaks of a grey-value histogram: the grey values of the materials in an image."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

BINS = 256
SMOOTH_BINS = 3
# Least prominence of a peak, as a fraction of the highest, on the square root of the counts. The
# root makes counting noise uniform, so that a broad peak of tissue stands out beside a sharp peak
# of air.
PROMINENCE = 0.08


@dataclass(frozen=True)
class Peak:
    """A peak of a histogram.

    Parameters
    ----------
    grey : float
        Grey value of its top.
    share : float
        Fraction of all values that lie between the valleys beside the peak.
    sigma_below, sigma_above : float
        Standard deviations of its two flanks, from their half-height points, grey values.
    """

    grey: float
    share: float
    sigma_below: float
    sigma_above: float


def peaks(values: np.ndarray) -> list[Peak]:
    """Find the peaks of the values' histogram, from dark to bright.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Grey values, any unit; empty gives an empty list.

    Returns
    -------
    list of Peak
        At least one if there are values.
    """
    if values.size == 0:
        return []
    low, high = np.percentile(values, (0.1, 99.9))
    if high <= low:
        return [Peak(float(low), 1.0, 0.0, 0.0)]
    counts, edges = np.histogram(values, BINS, (low, high))
    padding = 4 * SMOOTH_BINS
    counts = gaussian_filter1d(np.pad(counts, padding).astype(float), SMOOTH_BINS)
    root = np.sqrt(counts)
    width = edges[1] - edges[0]
    tops, _ = find_peaks(root, prominence=PROMINENCE * root.max())
    valleys = [a + int(np.argmin(counts[a:b])) for a, b in pairwise(tops)]
    limits = pairwise([0, *valleys, counts.size])
    return [
        Peak(
            grey=float(low + (top - padding + 0.5) * width),
            share=float(counts[start:stop].sum() / counts.sum()),
            sigma_below=float(_flank(counts[: top + 1][::-1]) * width),
            sigma_above=float(_flank(counts[top:]) * width),
        )
        for top, (start, stop) in zip(tops, limits, strict=True)
    ]


def _flank(falling: np.ndarray) -> float:
    """Return the standard deviation, in bins, of a flank that starts at its peak."""
    below = np.flatnonzero(falling < 0.5 * falling[0])
    half_width = below[0] if below.size else falling.size
    return half_width / np.sqrt(2 * np.log(2))
