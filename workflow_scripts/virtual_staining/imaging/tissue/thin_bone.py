"""The level of bone that is thinner than the blur of its scan, by the conservation of its signal.

A blur moves signal from bone to what lies beside it and loses none: whatever the blur, and whatever
the fringe of phase contrast, the signal above the surrounding level, summed over bone and its
neighbourhood, is bone's volume times its level. Bone's volume is that of all voxels above half of
its level, since a blurred edge stands where it passes half. Sheets narrower than the blur lose
volume in this way; how much is seen when the same blur is applied to the volume that was found.
"""

import numpy as np
from scipy import ndimage

from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.mode import Mode
from virtual_staining.imaging.tissue.modes import ScanModes

# Neighbourhood that the blur of a scan reaches, voxels.
REACH_VOXELS = 2
# Blur of the surrounding level, voxels.
AROUND_VOXELS = 2.0
# What lies below this, from the surrounding level to bone, surrounds bone.
SURROUNDING = 0.25
# Standard deviations of a scan's blur that are tried, voxels.
BLURS_VOXELS = np.arange(0.3, 1.25, 0.05)
ROUNDS = 6
# First estimate: its voxels lie half-way to the estimate, its cores one voxel inside.
HALF_WAY, CORE_VOXELS, CORE_ROUNDS = 0.5, 200, 3
LEAST_VOXELS = 500
CUBE = np.ones((3, 3, 3), bool)


def thin_level(scan: ScanModes, floor: float, below: Mode | None, rim: np.ndarray) -> float:
    """Estimate bone's level where it has no mode: the densest cores, which blur reaches least.

    Parameters
    ----------
    scan : ScanModes
    floor : float
        Background's grey level.
    below : Mode or None
        The densest material that has a mode, the implant aside.
    rim : ndarray, shape (z, y, x), bool
        Implant and its blurred rim.

    Raises
    ------
    InputError
        If hardly a voxel is denser.
    """
    start = floor if below is None else below.grey
    values = scan.smooth
    allowed = scan.measured & ~rim & (values > start + 4 * scan.noise)
    level = float(np.percentile(values[allowed], 99)) if allowed.sum() >= CORE_VOXELS else start
    if level <= start:
        raise InputError("no bone is found in the scan; draw Bone")
    for _ in range(CORE_ROUNDS):
        dense = allowed & (values > start + HALF_WAY * (level - start))
        core = ndimage.binary_erosion(dense)
        if core.sum() < CORE_VOXELS:
            break
        level = float(np.percentile(values[core], 90))
    conserved = conserved_level(scan.grey, scan.measured & ~rim, floor, level)
    return level if conserved is None else conserved


def conserved_level(
    grey: np.ndarray, allowed: np.ndarray, soft: float, start: float
) -> float | None:
    """Estimate the level that bone would have if it were thick.

    Parameters
    ----------
    grey : ndarray of float32, shape (z, y, x)
        Grey levels, not smoothed.
    allowed : ndarray of bool, shape (z, y, x)
        Measured, and far from the implant and its new bone.
    soft : float
        Level of what surrounds bone, roughly.
    start : float
        Level of bone, roughly.

    Returns
    -------
    float or None
        None where there is too little bone, or the rounds come to no end.
    """
    level = start
    for _ in range(ROUNDS):
        bone = allowed & (grey > 0.5 * (soft + level))
        if bone.sum() < LEAST_VOXELS:
            return None
        near = allowed & ndimage.binary_dilation(bone, CUBE, iterations=REACH_VOXELS)
        around = _around(grey, allowed & ~near, soft, level)
        signal = float((grey - around)[near].sum())
        soft = float(around[bone].mean())
        level = soft + signal / int(bone.sum())
        if not soft < level < 2 * start - soft:
            return None
    sigma = _blur(grey - around, bone, near)
    blurred = ndimage.gaussian_filter(bone.astype(np.float32), sigma) > 0.5
    kept = np.count_nonzero(blurred & allowed) / int(bone.sum())
    return soft + signal * kept / int(bone.sum())


def _around(grey: np.ndarray, outside: np.ndarray, soft: float, level: float) -> np.ndarray:
    """Level that surrounds each voxel: the mean of the soft matter near it."""
    reach = SURROUNDING * (level - soft)
    counted = (outside & (np.abs(grey - soft) < reach)).astype(np.float32)
    weight = ndimage.gaussian_filter(counted, AROUND_VOXELS)
    total = ndimage.gaussian_filter((grey - soft) * counted, AROUND_VOXELS)
    return soft + np.where(weight > 1e-3, total / np.maximum(weight, 1e-3), 0).astype(np.float32)


def _blur(signal: np.ndarray, bone: np.ndarray, near: np.ndarray) -> float:
    """Standard deviation of the blur that makes the signal out of bone, voxels."""
    height = float(signal[near].sum()) / int(bone.sum())
    shape = bone.astype(np.float32)
    here = signal[near]
    left = [
        np.square(here - height * ndimage.gaussian_filter(shape, sigma)[near]).mean()
        for sigma in BLURS_VOXELS
    ]
    return float(BLURS_VOXELS[int(np.argmin(left))])
