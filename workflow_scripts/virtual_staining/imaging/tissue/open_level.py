"""The level of open air beside marrow, which noise merges into one mode of the histogram.

Dry marrow has 0.02 to 0.05 of bone's level, no more than the noise of a voxel. Blurred as widely as
open space allows, air and marrow part again.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.signal import find_peaks

# Blur, µm, and least share of its weight that is dark where space is open.
BLUR_UM, OPEN_SHARE = 100.0, 0.85
# Dark is what lies at most so many standard deviations of noise above the level of the mode.
DARK_NOISES = 3.0
# Bins and their blur, noises; least prominence of a level on the square root of the counts.
BIN_NOISES, SMOOTH_BINS, PROMINENCE = 0.15, 1.5, 0.15
# Fewest voxels of open space by which levels are told.
LEAST_OPEN = 2000


@dataclass(frozen=True)
class OpenSpace:
    """The grey levels of open space.

    Parameters
    ----------
    darkest : float or None
        The darkest of several levels; None where there is one, or hardly any open space.
    spread : float
        Half the range of nine tenths of its voxels, grey levels; 0 without open space.
    """

    darkest: float | None
    spread: float


def open_space(
    smooth: np.ndarray, measured: np.ndarray, grey: float, noise: float, voxel_um: float
) -> OpenSpace:
    """Return the levels that open space shows.

    Parameters
    ----------
    smooth : ndarray of float32, shape (z, y, x)
        Grey levels after a blur of one voxel.
    measured : ndarray of bool, shape (z, y, x)
    grey : float
        Grey level of the darkest mode.
    noise : float
        Standard deviation of the noise of ``smooth``, grey levels.
    voxel_um : float
        Edge of a voxel, µm.

    Returns
    -------
    OpenSpace
    """
    dark = measured & (smooth < grey + DARK_NOISES * noise)
    sigma = BLUR_UM / voxel_um
    weight = ndimage.gaussian_filter(dark.astype(np.float32), sigma)
    total = ndimage.gaussian_filter(np.where(dark, smooth - np.float32(grey), 0), sigma)
    is_open = dark & (weight > OPEN_SHARE)
    if is_open.sum() < LEAST_OPEN:
        return OpenSpace(None, 0.0)
    values = total[is_open] / weight[is_open]
    step = BIN_NOISES * noise
    low, high = np.percentile(values, (0.1, 99.9))
    edges = np.arange(low - 8 * step, high + 9 * step, step)
    counts = ndimage.gaussian_filter1d(np.histogram(values, edges)[0].astype(float), SMOOTH_BINS)
    root = np.sqrt(counts)
    tops, _ = find_peaks(root, prominence=PROMINENCE * root.max())
    spread = 0.5 * float(np.ptp(np.percentile(values, (5, 95))))
    darkest = grey + float(edges[tops[0]] + 0.5 * step) if len(tops) > 1 else None
    return OpenSpace(darkest, spread)
