"""The materials of a whole scan: the modes of its grey levels away from blurred edges."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import ndimage

from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.mode import CORE_UM, SHAPE_UM, Mode, describe_mode
from virtual_staining.imaging.tissue.mode_bounds import mode_bounds, valleys_within

# Voxels are flat if their slope is at most so many times what the noise gives a fifth of them.
FLAT_SLOPE = 2.5
# Standard deviation of smoothed noise over the slope that a fifth of flat voxels stay below.
NOISE_PER_SLOPE = 1.6
# Least and most slope that counts as noise, of the range of grey levels.
LEAST_SLOPE, MOST_SLOPE = 1e-4, 0.02
# Share of voxels with a slope below which the rest is flat because its values were cut off.
LIVELY = 0.9
# Levels within the first share of a mode's own are its matter, those beyond the second are denser.
NEAR, DENSER = 0.05, 1.25
# A thin sheet shows less than its own level; from so many voxels half the thickness, as a fair
# number of voxels and a share of all must have, its middle shows all of it.
RESOLVED_VOXELS, RESOLVED_COUNT, RESOLVED_SHARE = 3.0, 200, 0.05
# Spread of an implant over that of the bone around it, at most.
NARROW = 0.85
# Most that threads stand out from an implant's body, µm.
THREAD_UM = 300.0
# Bins in which a mode's peak is sought, and half its width, noises.
PEAK_BINS, PEAK_NOISES = 400, 1.5


@dataclass(frozen=True)
class ScanModes:
    """The modes of a scan from dark to bright, and what they were found in.

    Parameters
    ----------
    modes : list of Mode
    grey, smooth : ndarray, shape (z, y, x), float32
        The volume, and the smoothed volume.
    flat : ndarray, shape (z, y, x), bool
        Voxels of little slope, of which the modes were found.
    measured : ndarray, shape (z, y, x), bool
        Where it was measured, away from the field's rim.
    noise : float
        Standard deviation of the smoothed volume's noise, grey levels.
    voxel_um : float
        µm.
    """

    modes: list[Mode]
    grey: np.ndarray
    smooth: np.ndarray
    flat: np.ndarray
    measured: np.ndarray
    noise: float
    voxel_um: float

    def peak(self, mode: Mode) -> float:
        """Return the grey level of which a mode has most: it may hold fainter matter beside it."""
        values = self.smooth[self.flat & (self.smooth >= mode.low) & (self.smooth < mode.high)]
        counts, edges = np.histogram(values, PEAK_BINS)
        top = edges[int(np.argmax(ndimage.gaussian_filter1d(counts.astype(float), 1)))]
        return float(values[np.abs(values - top) < PEAK_NOISES * self.noise].mean())

    def around_bodies(self, low: float, high: float, reach_um: float) -> np.ndarray:
        """Return what lies near the thick bodies of a material, bool (z, y, x).

        Parameters
        ----------
        low, high : float
            Bounds of the material's grey levels.
        reach_um : float
            Distance from a body's surface, µm.
        """
        step = max(1, round(SHAPE_UM / self.voxel_um))
        um = step * self.voxel_um
        smooth = self.smooth[::step, ::step, ::step]
        matter = (smooth >= low) & (smooth < high)
        core = ndimage.distance_transform_edt(matter) * um > CORE_UM
        if not core.any():
            return np.zeros(self.smooth.shape, bool)
        # threads stand out from the core; blurred edges of bone have the level, but no thickness
        apart_um = ndimage.distance_transform_edt(~core) * um
        body = core | (
            ndimage.binary_opening(matter, iterations=2) & (apart_um <= CORE_UM + THREAD_UM)
        )
        near = ndimage.distance_transform_edt(~body) * um <= reach_um
        for axis, size in enumerate(self.smooth.shape):
            near = near.repeat(step, axis).take(range(size), axis)
        return near

    def denser(self, mode: Mode, floor: float, left_out: np.ndarray) -> float:
        """Voxels denser than a mode over those at its level; near 0 for the densest material.

        Parameters
        ----------
        mode : Mode
        floor : float
            Background's grey level.
        left_out : ndarray, shape (z, y, x), bool
            Implant and its blurred rim.
        """
        level = (self.smooth - floor) / (mode.grey - floor)
        counted = self.measured & ~left_out
        near = int(np.count_nonzero((np.abs(level - 1) < NEAR) & counted))
        return int(np.count_nonzero((level > DENSER) & counted)) / max(int(near), 1)

    def resolves(self, mode: Mode, floor: float, left_out: np.ndarray) -> bool:
        """Tell whether a material has parts so thick that their middle shows its full level.

        Parameters
        ----------
        mode, floor, left_out
            As in :meth:`denser`.
        """
        matter = (self.smooth > 0.5 * (floor + mode.grey)) & ~left_out
        deep = ndimage.distance_transform_edt(matter) >= RESOLVED_VOXELS
        count = np.count_nonzero(deep & self.measured)
        own = np.count_nonzero(matter & self.measured & (self.smooth < mode.high))
        return bool(count >= max(RESOLVED_COUNT, RESOLVED_SHARE * own))


def find_modes(volume: np.ndarray, voxel_um: float, measured: np.ndarray | None) -> ScanModes:
    """Find the materials of a scan.

    Blurred edges between two materials have all levels between theirs and hide what is little;
    voxels on a slope are left out. On the square root of the counts counting noise is uniform.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x)
        Grey levels.
    voxel_um : float
        Edge of a voxel, µm.
    measured : ndarray, shape (z, y, x), bool, or None
        Where the volume was measured; None for everywhere.

    Returns
    -------
    ScanModes
        At least one mode.

    Raises
    ------
    InputError
        If hardly a voxel was measured, or all have one grey level.
    """
    grey = volume.astype(np.float32)
    smooth = ndimage.gaussian_filter(grey, 1.0)
    inner = np.ones(volume.shape, bool)
    if measured is not None and not measured.all():
        inner = ndimage.binary_erosion(measured, iterations=3, border_value=1)
    axes = [axis for axis, size in enumerate(volume.shape) if size > 1]
    slope = np.sqrt(sum(np.square(np.gradient(smooth, axis=axis)) for axis in axes))
    if not inner.any():
        raise InputError("no part of the scan is wide enough to tell its materials")
    reach = float(np.ptp(np.percentile(smooth[inner][::7], (1, 99))))
    if reach == 0:
        raise InputError("the scan shows a single grey level")
    least = max(LEAST_SLOPE * reach, float(np.finfo(np.float32).tiny))
    slopes = slope[inner][::7]
    lively = slopes[slopes > least]
    usual = float(np.percentile(lively, 20)) if lively.size else least
    if lively.size < LIVELY * slopes.size:  # air that was cut off at 0, or a scan without noise
        usual = min(usual, MOST_SLOPE * reach)
    noise = NOISE_PER_SLOPE * usual
    flat = inner & (slope <= FLAT_SLOPE * usual)
    values = smooth[flat]
    bounds = mode_bounds(values, noise)

    def describe(low: float, high: float) -> Mode:
        return describe_mode(smooth, inner, values, low, high, voxel_um)

    modes = [describe(*pair) for pair in pairwise(bounds)]
    if len(modes) > 1:
        modes[-1:] = _bone_and_implant(modes[-1], values, describe)
    return ScanModes(modes, grey, smooth, flat, inner, noise, voxel_um)


def _bone_and_implant(
    densest: Mode, values: np.ndarray, describe: Callable[[float, float], Mode]
) -> list[Mode]:
    """Divide the densest mode if it holds an implant of little more than bone's level.

    Bone surrounds its implant. A metal that hardening of the beam divides has its fainter part in
    the middle.
    """
    valleys = valleys_within(values[values >= densest.low])
    if len(valleys) != 1:
        return [densest]
    bone, implant = describe(densest.low, valleys[0]), describe(valleys[0], densest.high)
    return [bone, implant] if implant.spread_um < NARROW * bone.spread_um else [densest]
