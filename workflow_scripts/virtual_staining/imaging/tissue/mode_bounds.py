"""The valleys of a scan's histogram, which part its materials."""

from itertools import pairwise

import numpy as np
from scipy import ndimage
from scipy.signal import find_peaks

# Grey levels are compared on the axis asinh((grey - darkest) / so many noises): linear in the
# noise near the darkest level, logarithmic above, as the spread of dense matter grows with it.
NOISES = 4.0
BIN, SMOOTH_BINS = 0.02, 2.0
# Least prominence of a mode on the square root of the counts, of the highest.
PROMINENCE = 0.06
# Bins of one mode alone and their blur, and least prominence of its parts, of its highest.
OWN_BINS, OWN_SMOOTH_BINS, OWN_PROMINENCE = 200, 2.0, 0.2


def mode_bounds(values: np.ndarray, noise: float) -> list[float]:
    """Return the valleys between the modes of flat values, their ends included, grey levels.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Grey levels of voxels of little slope.
    noise : float
        Standard deviation of the darkest matter's noise, grey levels.
    """
    low, high = np.percentile(values, (0.02, 99.98))
    bins = int(np.clip((high - low) / (noise / 3), 64, 20000))
    tops, edges, _ = _peaks(values, np.linspace(low, high + 1e-6 * noise, bins), 3.0, 0.08)
    darkest = edges[tops[0]]
    place = np.arcsinh((values - darkest) / (NOISES * noise))
    axis = np.arange(place.min() - 1, place.max() + 1 + BIN, BIN)
    valleys = _valleys(place, axis, SMOOTH_BINS, PROMINENCE)
    found = [float(darkest + NOISES * noise * np.sinh(u)) for u in valleys]
    return [-np.inf, *found, np.inf]


def valleys_within(own: np.ndarray) -> list[float]:
    """Return the valleys within one mode, looked at alone, grey levels.

    Beside the counts of air, those of a small implant next to bone do not stand out; among the
    densest matter they do.

    Parameters
    ----------
    own : ndarray, shape (n,)
        Grey levels of the mode's voxels of little slope.
    """
    low, high = np.percentile(own, (0.5, 99.5))
    if low == high:
        return []
    return _valleys(own, np.linspace(low, high, OWN_BINS), OWN_SMOOTH_BINS, OWN_PROMINENCE)


def _valleys(values: np.ndarray, axis: np.ndarray, sigma: float, prominence: float) -> list[float]:
    """Lowest places between neighbouring peaks."""
    tops, edges, counts = _peaks(values, axis, sigma, prominence)
    return [float(edges[a + int(np.argmin(counts[a:b]))]) for a, b in pairwise(tops)]


def _peaks(
    values: np.ndarray, edges: np.ndarray, sigma: float, prominence: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bins of the peaks, the bins' edges and counts; the histogram is continued by empty bins."""
    counts = np.histogram(values, edges)[0].astype(float)
    pad = int(8 * sigma)
    step = edges[1] - edges[0]
    counts = ndimage.gaussian_filter1d(np.pad(counts, pad), sigma)
    root = np.sqrt(counts)
    tops, _ = find_peaks(root, prominence=prominence * root.max())
    return tops, edges[0] + (np.arange(counts.size) - pad + 0.5) * step, counts
