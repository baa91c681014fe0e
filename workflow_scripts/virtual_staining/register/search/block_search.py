"""The common orientation of a block's sections, searched without any first guess."""

import logging
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from virtual_staining.register.search.coarse_to_fine import bounds, margin_to_rival, same_place
from virtual_staining.register.search.confidence import ENOUGH, EVEN_MARGIN, Found, confidence
from virtual_staining.register.search.scan import scan, stretches_up_to
from virtual_staining.register.search.stack import (
    APART_DEG,
    Stack,
    axis_angle_deg,
    climb_parallel,
    gather,
    settle_axis,
    tilt_deg,
)
from virtual_staining.register.search.starts import frames_of, spread_axes
from virtual_staining.register.similarity.pose import SIZE
from virtual_staining.register.similarity.scales import Member
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)

AXES_KEPT = (16, 4, 2)  # climbed from at the coarsest level, scanned again, and taken further
CLOSER = 2  # times closer are turns and positions when only one axis is scanned
FRESH = 8  # places of each section and side that such a scan climbs from


@dataclass(frozen=True)
class BlockFound:
    """Where a block's search ended.

    Parameters
    ----------
    axis : ndarray, shape (3,)
        The planes' common normal, from the side that most sections have up.
    sections : list of Found
        In the members' order; margin, agreement and confidence are each section's own among
        places with this axis.
    margin : float
        How far, as a fraction of the mean mutual information, the best other axis stays below.
    agreeing, searches : int
        How many independent searches there were, and how many of them ended at this axis.
    confidence : float
        0 to 1, of the axis, whichever way it points.
    clarity : float
        0 to 1, how clear it is which side the sections have up; 0 where all of them turned over
        would fit as well, as where the specimen is its own mirror image.
    """

    axis: np.ndarray
    sections: list[Found]
    margin: float
    agreeing: int
    searches: int
    confidence: float
    clarity: float


def search_block(
    members: list[Member], settings: RegisterSettings, view: np.ndarray | None = None
) -> BlockFound:
    """Find the orientation that the sections' planes share, and each section's place with it.

    Parameters
    ----------
    members : list of Member
        Two or more sections.
    settings : RegisterSettings
    view : ndarray, shape (3,), optional
        Only axes to this side are searched: a block that is nearly its own mirror image fits
        about as well seen from either side.
    """
    ends: list[list[list[Stack]]] = []
    for n in range(settings.searches):
        ends.append(search_axes(members, settings, n, view))
        levels = [list(chain.from_iterable(level)) for level in zip(*ends, strict=True)]
        stacks = distinct_axes(levels[-1])
        agreeing, margin = judge(stacks[0], levels, ends)
        log.info("search %d: %d agree, margin %.3f", n + 1, agreeing, margin)
        if agreeing >= ENOUGH and confidence(margin, agreeing) >= settings.min_confidence:
            break
    last = len(members[0].scales) - 1
    stacks = distinct_axes(
        [
            settle_axis(members, last, stack, settings.grey_bins, bounds(settings))
            for stack in stacks[: AXES_KEPT[-1]]
        ]
    )
    agreeing, margin = judge(stacks[0], [*levels, stacks], ends)
    clarity = 1.0 if view is not None else side_clarity(stacks[0], [*levels, stacks])
    found = []
    for k, one in enumerate(members):
        poses, weighed = stacks[0].poses[k], stacks[0].weighed(clarity)[k]
        pose, score = stacks[0].best[k], stacks[0].scores[k, stacks[0].weighed()[k].argmax()]
        own = margin_to_rival(pose, [(poses, weighed)], one.size_um)
        tops = np.array([end[-1][0].best[k] for end in ends])
        same = int(same_place(pose, tops, one.size_um).sum())
        found.append(Found(pose, float(score), own, same, len(ends), confidence(own, same)))
    sure = confidence(margin, agreeing)
    return BlockFound(stacks[0].axis, found, margin, agreeing, len(ends), sure, clarity)


def judge(
    best: Stack, levels: list[list[Stack]], ends: list[list[list[Stack]]]
) -> tuple[int, float]:
    """Return how many searches ended at the best stack's axis, and the margin to another axis.

    As for one section, the finest level that knows both this axis and another decides. Which side
    is up plays no part: each section's own margin tells of that.
    """
    agreeing = sum(tilt_deg(best.axis, end[-1][0].axis) < APART_DEG for end in ends)
    for stacks in reversed(levels):
        near = [tilt_deg(best.axis, stack.axis) < APART_DEG for stack in stacks]
        if any(near) and not all(near):
            totals = np.array([stack.total for stack in stacks])
            own, other = totals[near].max(), totals[~np.array(near)].max()
            return agreeing, float((own - other) / max(own, 1e-9))
    return agreeing, 1.0


def side_clarity(best: Stack, levels: list[list[Stack]]) -> float:
    """Return how clear it is that a stack's sections do not all lie the other side up, 0 to 1.

    Turned over, the same places would lose what places of the other side count less, and no more.
    """
    for stacks in reversed(levels):
        same = [s.total for s in stacks if axis_angle_deg(best.axis, s.axis) < APART_DEG]
        over = [s.total for s in stacks if axis_angle_deg(best.axis, s.axis) > 180 - APART_DEG]
        if same and over:
            return float(np.clip((max(same) / max(over) - 1) / EVEN_MARGIN, 0, 1))
    return 1.0


def distinct_axes(stacks: list[Stack]) -> list[Stack]:
    """Return the stacks, best first, without those whose axis is close to a better one's."""
    kept: list[Stack] = []
    for stack in sorted(stacks, key=lambda one: -one.total):
        if all(axis_angle_deg(stack.axis, other.axis) > APART_DEG for other in kept):
            kept.append(stack)
    return kept


def search_axes(
    members: list[Member], settings: RegisterSettings, n: int, view: np.ndarray | None = None
) -> list[list[Stack]]:
    """Make one independent search; return the best axes at each scale but the finest.

    Parameters
    ----------
    members : list of Member
    settings : RegisterSettings
    n : int
        Number of the search; from the third on each looks twice as closely.
    view : ndarray, shape (3,), optional
        Side that the axes point to.

    Returns
    -------
    list of list of Stack
        First all axes climbed from, then, level by level, the best distinct ones, best first.
    """
    rng = np.random.default_rng(n)
    axes, turns = spread_axes(2 ** max(0, n - 1) * settings.scan_rotations, rng)
    scans = [scan_axes(one, axes, turns, settings, n) for one in members]
    members = [resolved(one, first) for one, (first, _, _) in zip(members, scans, strict=True)]
    first = min(first for first, _, _ in scans)
    bins, limits = settings.grey_bins, bounds(settings)
    half = np.sqrt(2 * np.pi / len(axes)) / 2  # of the angle between neighbours
    stacks = []
    for k in range(len(axes)):
        places = [(poses[k], scores[k]) for _, poses, scores in scans]
        sides = [axis for axis in (axes[k], -axes[k]) if view is None or axis @ view > 0]
        stacks += [gather(members, places, axis) for axis in sides]
    starts = sorted(stacks, key=lambda stack: -stack.total)[: AXES_KEPT[0]]
    stacks = []
    for stack in starts:
        stacks.append(settle_axis(members, first, stack, bins, limits, (half, half / 4)))
    stacks = [one for one in stacks if view is None or one.axis @ view > 0] or stacks
    levels = [stacks]
    stacks = [
        scan_again(members, first, stack, turns, settings, n)
        for stack in distinct_axes(stacks)[: AXES_KEPT[1]]
    ]
    for level in range(first, max(first + 1, len(members[0].scales) - 1)):
        stacks = [settle_axis(members, level, stack, bins, limits) for stack in stacks]
        stacks = distinct_axes(stacks)[: AXES_KEPT[-1]]
        levels.append(stacks)
        log.info(
            "level %d: %s",
            level,
            ", ".join(f"{stack.total:.4f} at {stack.axis.round(2)}" for stack in stacks),
        )
    return levels


def resolved(one: Member, first: int) -> Member:
    """Return a member whose scales coarser than the ``first`` that resolves it are that one."""
    return replace(one, scales=[one.scales[max(first, k)] for k in range(len(one.scales))])


def scan_axes(
    one: Member, axes: np.ndarray, turns: int, settings: RegisterSettings, n: int
) -> tuple[int, np.ndarray, np.ndarray]:
    """Scan one section over all axes.

    Returns
    -------
    first : int
        Number of the coarsest scale that resolves the section well enough to go on with.
    poses : ndarray, shape (axes, m, 12)
    scores : ndarray, shape (axes, m)
    """
    kept, poses, scores = scan(
        one.scales,
        one.image,
        one.colours,
        one.size_um,
        frames_of(axes, turns),
        settings.scan_step_um,
        stretches_up_to(settings.max_scale),
        np.random.default_rng(n),
    )
    shape = (len(scores), len(axes), -1)
    poses = np.moveaxis(poses.reshape(*shape, SIZE), 0, 1).reshape(len(axes), -1, SIZE)
    scores = np.moveaxis(scores.reshape(shape), 0, 1).reshape(len(axes), -1)
    return len(one.scales) - len(kept), poses, scores


def scan_again(
    members: list[Member], level: int, stack: Stack, turns: int, settings: RegisterSettings, n: int
) -> Stack:
    """Look for all sections' places once more, now that the axis is known better."""
    bins, limits, axis = settings.grey_bins, bounds(settings), stack.axis
    closer = settings.model_copy(update={"scan_step_um": settings.scan_step_um / CLOSER})
    scans = [scan_axes(one, axis[None], CLOSER * turns, closer, n)[1:] for one in members]
    fresh = gather(members, [(poses[0], scores[0]) for poses, scores in scans], axis, FRESH)
    fresh = climb_parallel(members, level, fresh.poses, bins, limits)
    poses = np.concatenate([stack.poses, fresh.poses], 1)
    scores = np.concatenate([stack.scores, fresh.scores], 1)
    return gather(members, list(zip(poses, scores, strict=True)), axis)
