"""One independent search of a block's orientation, coarse to fine.

Every section is scanned over all axes, the sections' scores are summed for each axis, and the
search climbs from the best axes.
"""

import logging
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from virtual_staining.register.search.block.climb_stack import climb_axis, climb_parallel
from virtual_staining.register.search.block.stack import Stack, distinct_axes, make_stack
from virtual_staining.register.search.coarse_to_fine import ScoredPoses
from virtual_staining.register.search.scan import scan, scan_density, stretches_up_to
from virtual_staining.register.search.starts import frames_across, spread_axes
from virtual_staining.register.similarity.pose import POSE_SIZE
from virtual_staining.register.similarity.scales import SectionScales
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)

AXES_CLIMBED, AXES_RESCANNED, AXES_KEPT = 16, 4, 2  # the best axes that go on at each stage
RESCAN_FACTOR = 2  # times as many rotations and positions, when only one axis is scanned
RESCAN_POSES = 8  # of each section and face, from which the search climbs after such a scan


class AxisScan(NamedTuple):
    """The best poses of one section for each axis.

    Parameters
    ----------
    poses : ndarray, shape (axes, m, 12)
    scores : ndarray, shape (axes, m)
        Mutual information, nats.
    first_scale : int
        Index of the coarsest scale that resolves the section well enough to go on with.
    """

    poses: np.ndarray
    scores: np.ndarray
    first_scale: int

    def of_axis(self, k: int) -> ScoredPoses:
        """Return the poses (m, 12) and scores (m,) of axis number ``k``."""
        return ScoredPoses(self.poses[k], self.scores[k])


def search_axes(
    sections: list[SectionScales],
    settings: RegisterSettings,
    number: int,
    view: np.ndarray | None = None,
) -> list[list[Stack]]:
    """Make one independent search; return the best axes at each scale but the finest.

    Parameters
    ----------
    sections : list of SectionScales
    settings : RegisterSettings
    number : int
        Number of the search, from 0; it seeds the random numbers.
    view : ndarray, shape (3,), optional
        Only axes within 90° of this direction are searched.

    Returns
    -------
    list of list of Stack
        First the stacks of all axes from which the search climbed, then, scale by scale, those of
        the best distinct axes, best first.
    """
    rng = np.random.default_rng(number)
    axes, turns = spread_axes(scan_density(number) * settings.scan_rotations, rng)
    step_um = settings.scan_step_um
    scans = [scan_axes(section, axes, turns, step_um, settings, number) for section in sections]
    first = min(scan.first_scale for scan in scans)
    sections = [
        without_coarse_scales(section, scan.first_scale)
        for section, scan in zip(sections, scans, strict=True)
    ]
    climbed = climb_best_axes(sections, first, axes, scans, settings, view)
    stacks = [
        rescan(sections, first, stack, turns, settings, number)
        for stack in distinct_axes(climbed)[:AXES_RESCANNED]
    ]
    by_scale = [climbed]
    for scale_index in range(first, max(first + 1, len(sections[0].scales) - 1)):
        stacks = [climb_axis(sections, scale_index, stack, settings) for stack in stacks]
        stacks = distinct_axes(stacks)[:AXES_KEPT]
        by_scale.append(stacks)
        log.info(
            "%g µm: mean mutual information %s",
            sections[0].scales[scale_index].voxel_um,
            ", ".join(f"{stack.total:.4f} at axis {stack.axis.round(2)}" for stack in stacks),
        )
    return by_scale


def climb_best_axes(
    sections: list[SectionScales],
    scale_index: int,
    axes: np.ndarray,
    scans: list[AxisScan],
    settings: RegisterSettings,
    view: np.ndarray | None,
) -> list[Stack]:
    """Climb from the best of the axes (n, 3) and their opposites, as far as ``view`` admits them.

    A stack whose axis leaves the side of ``view`` during the climb is dropped, unless all do.
    """
    stacks = []
    for k, axis in enumerate(axes):
        candidates = [scan.of_axis(k) for scan in scans]
        directions = [a for a in (axis, -axis) if view is None or a @ view > 0]
        stacks += [make_stack(sections, candidates, direction) for direction in directions]
    best = sorted(stacks, key=lambda stack: -stack.total)[:AXES_CLIMBED]
    half_spacing_rad = np.sqrt(2 * np.pi / len(axes)) / 2  # of neighbouring axes
    tilts_rad = (half_spacing_rad, half_spacing_rad / 4)
    climbed = [climb_axis(sections, scale_index, stack, settings, tilts_rad) for stack in best]
    return [stack for stack in climbed if view is None or stack.axis @ view > 0] or climbed


def without_coarse_scales(section: SectionScales, first: int) -> SectionScales:
    """Replace every scale coarser than scale number ``first`` by that scale.

    ``first`` is the coarsest scale that resolves the section. All sections of a block keep the same
    number of scales, so that one index means the same voxel size in all that resolve it.
    """
    scales = [section.scales[max(first, k)] for k in range(len(section.scales))]
    return replace(section, scales=scales)


def scan_axes(
    section: SectionScales,
    axes: np.ndarray,
    turns: int,
    step_um: float,
    settings: RegisterSettings,
    seed: int,
) -> AxisScan:
    """Scan one section over all axes (n, 3), with a number of rotations about each."""
    poses, scores, first_scale = scan(
        section,
        frames_across(axes, turns),
        step_um,
        stretches_up_to(settings.max_scale),
        np.random.default_rng(seed),
    )
    shape = (len(scores), len(axes), -1)
    poses = np.moveaxis(poses.reshape(*shape, POSE_SIZE), 0, 1).reshape(len(axes), -1, POSE_SIZE)
    scores = np.moveaxis(scores.reshape(shape), 0, 1).reshape(len(axes), -1)
    return AxisScan(poses, scores, first_scale)


def rescan(
    sections: list[SectionScales],
    scale_index: int,
    stack: Stack,
    turns: int,
    settings: RegisterSettings,
    seed: int,
) -> Stack:
    """Scan all sections again, more densely, for the one axis of a stack; keep the best poses."""
    axis, step_um = stack.axis, settings.scan_step_um / RESCAN_FACTOR
    scans = [
        scan_axes(section, axis[None], RESCAN_FACTOR * turns, step_um, settings, seed)
        for section in sections
    ]
    fresh = make_stack(sections, [scan.of_axis(0) for scan in scans], axis, RESCAN_POSES)
    fresh = climb_parallel(sections, scale_index, fresh.poses, settings)
    poses = np.concatenate([stack.poses, fresh.poses], 1)
    scores = np.concatenate([stack.scores, fresh.scores], 1)
    candidates = [ScoredPoses(*pair) for pair in zip(poses, scores, strict=True)]
    return make_stack(sections, candidates, axis)
