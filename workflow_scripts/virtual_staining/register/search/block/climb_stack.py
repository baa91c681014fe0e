"""Climbs of all sections of a block at once, with their planes kept parallel."""

import numpy as np
from scipy.spatial.transform import Rotation

from virtual_staining.register.search.block.stack import Stack, stacked
from virtual_staining.register.search.coarse_to_fine import ScoredPoses, climb, stretch_bounds
from virtual_staining.register.search.coordinate_ascent import ascend_all
from virtual_staining.register.similarity.pose import PARALLEL, X_AXIS, Y_AXIS, lever_um
from virtual_staining.register.similarity.scales import SectionScales
from virtual_staining.settings.register import RegisterSettings

BRIEF_SWEEPS = 4  # of each section after the common axis has been tilted
START_VOXEL, STOP_VOXEL = 2.0, 0.25  # first and last tilt, as displacement at the sections' lever


def climb_parallel(
    sections: list[SectionScales], scale_index: int, poses: np.ndarray, settings: RegisterSettings
) -> Stack:
    """Let each section climb from its poses (sections, poses, 12) without tilting its plane."""
    return stacked(
        sections,
        (
            climb(section.scales[scale_index], starts, PARALLEL, section.size_um, settings)
            for section, starts in zip(sections, poses, strict=True)
        ),
    )


def climb_axis(
    sections: list[SectionScales],
    scale_index: int,
    stack: Stack,
    settings: RegisterSettings,
    tilts_rad: tuple[float, float] | None = None,
) -> Stack:
    """Tilt the common axis as long as the total rises; the sections climb after every tilt.

    Parameters
    ----------
    sections : list of SectionScales
    scale_index : int
        Index into the sections' scales.
    stack : Stack
        Where to start.
    settings : RegisterSettings
    tilts_rad : (first, last), optional
        First and smallest tilt tried; by default the tilts that move the sections' lever by two
        voxels and by a quarter of a voxel.
    """
    lever = np.median([lever_um(section.size_um) for section in sections])
    voxel_rad = sections[0].scales[scale_index].voxel_um / lever
    tilt, smallest = tilts_rad or (START_VOXEL * voxel_rad, STOP_VOXEL * voxel_rad)
    best = climb_parallel(sections, scale_index, stack.poses, settings)
    while tilt >= smallest:
        _, across, other = np.linalg.svd(best.axis[None])[2]  # two directions across the axis
        before = best
        for rotation in (tilt * across, -tilt * across, tilt * other, -tilt * other):
            poses = _rotated(best.poses, Rotation.from_rotvec(rotation))
            trial = _climb_briefly(sections, scale_index, poses, settings, tilt)
            if trial.total > best.total:
                best = trial
        if best is before:
            tilt /= 2
    return climb_parallel(sections, scale_index, best.poses, settings)


def _climb_briefly(
    sections: list[SectionScales],
    scale_index: int,
    poses: np.ndarray,
    settings: RegisterSettings,
    tilt_rad: float,
) -> Stack:
    """Let the sections climb a few sweeps, with steps that make up for a tilt of the planes."""
    climbed = []
    for section, starts in zip(sections, poses, strict=True):
        lever = lever_um(section.size_um)
        step_um = tilt_rad * lever
        scale, bounds = section.scales[scale_index], stretch_bounds(settings)
        reached = ascend_all(
            scale, settings.grey_bins, starts, lever, step_um / 2, step_um / 16,
            PARALLEL, bounds, BRIEF_SWEEPS,
        )  # fmt: skip
        climbed.append(ScoredPoses(*reached))
    return stacked(sections, climbed)


def _rotated(poses: np.ndarray, rotation: Rotation) -> np.ndarray:
    """Return poses (..., 12) rotated alike, each about its own centre."""
    out = poses.copy()
    for axis in (X_AXIS, Y_AXIS):
        turned = rotation.apply(poses[..., axis].reshape(-1, 3))
        out[..., axis] = turned.reshape(*poses.shape[:-1], 3)
    return out
