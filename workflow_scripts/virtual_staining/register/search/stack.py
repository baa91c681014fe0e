"""Sections cut parallel from one block: places in the volume that share a plane's orientation.

A section alone may fit nearly as well at an oblique plane; where it does so differs from section
to section, while the true orientation is common to all. What is summed over the sections is the
mutual information of each at its best place with its plane so oriented. Sections lie on their
slides with the same side up, unless one fits clearly better turned over: left and right of an
animal look so alike that a section alone cannot tell.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from virtual_staining.register.search.coarse_to_fine import DISTINCT_FRACTION, climb
from virtual_staining.register.search.confidence import EVEN_MARGIN
from virtual_staining.register.search.coordinate_ascent import ascend_all
from virtual_staining.register.similarity.pose import PARALLEL, distinct, lever_um
from virtual_staining.register.similarity.scales import Member

PLACES = 2  # of each section and side, that go on with one orientation
APART_DEG = 10.0  # axes less than this apart are the same maximum
FOLLOW_SWEEPS = 4
START_VOXEL, STOP_VOXEL = 2.0, 0.25  # steps of the common tilt, at the section's lever


@dataclass(frozen=True)
class Stack:
    """Places of all sections with parallel planes.

    Parameters
    ----------
    poses : ndarray, shape (sections, places, 12)
        The first half of the places has the side up that the block's sections have by
        assumption, the second half the other.
    scores : ndarray, shape (sections, places)
        Mutual information, nats.
    """

    poses: np.ndarray
    scores: np.ndarray

    @property
    def axis(self) -> np.ndarray:
        """The planes' common normal, shape (3,), seen from the side that is up."""
        return np.cross(self.poses[0, 0, 3:6], self.poses[0, 0, 6:9])

    def weighed(self, clarity: float = 1.0) -> np.ndarray:
        """The scores, less for the other side: shape (sections, places), nats.

        Parameters
        ----------
        clarity : float
            0 to 1, how clear it is which side the block's sections have up; at 0 both count alike.
        """
        scores = self.scores.copy()
        scores[:, scores.shape[1] // 2 :] *= 1 - clarity * EVEN_MARGIN
        return scores

    @property
    def total(self) -> float:
        """Mean over the sections of the weighed scores at their best places, nats."""
        return float(self.weighed().max(1).mean())

    @property
    def best(self) -> np.ndarray:
        """The best pose of each section, shape (sections, 12)."""
        return self.poses[np.arange(len(self.poses)), self.weighed().argmax(1)]


def axis_angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Return the angle in degrees, 0 to 180, between two axes (3,)."""
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def tilt_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Return the angle in degrees, 0 to 90, between planes across two axes (3,)."""
    angle = axis_angle_deg(a, b)
    return min(angle, 180 - angle)


def best_places(
    poses: np.ndarray,
    scores: np.ndarray,
    axis: np.ndarray,
    size_um: tuple[float, float],
    limit: int = PLACES,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best distinct poses of either side, and their scores.

    Parameters
    ----------
    poses : ndarray, shape (n, 12)
        Planes across the axis, of either side at least one.
    scores : ndarray, shape (n,)
    axis : ndarray, shape (3,)
    size_um : (width, height)
        Size of the slide.
    limit : int
        Number of poses of each side.

    Returns
    -------
    poses : ndarray, shape (2 * limit, 12)
        First those whose normal points along the axis; the best fills up where there are fewer.
    scores : ndarray, shape (2 * limit,)
    """
    apart_um = DISTINCT_FRACTION * float(np.hypot(*size_um))
    along = np.cross(poses[:, 3:6], poses[:, 6:9]) @ axis > 0
    kept = []
    for side in (np.flatnonzero(along), np.flatnonzero(~along)):
        chosen = side[distinct(poses[side], scores[side], limit, apart_um, size_um)]
        kept += [*chosen, *[chosen[0]] * (limit - len(chosen))]
    return poses[kept], scores[kept]


def gather(
    members: list[Member],
    places: list[tuple[np.ndarray, np.ndarray]],
    axis: np.ndarray,
    limit: int = PLACES,
) -> Stack:
    """Return the stack of the best of each member's places, (poses (n, 12), scores (n,))."""
    pairs = [
        best_places(*place, axis, one.size_um, limit)
        for one, place in zip(members, places, strict=True)
    ]
    poses, scores = (np.stack(part) for part in zip(*pairs, strict=True))
    return Stack(poses, scores)


def climb_parallel(
    members: list[Member],
    level: int,
    poses: np.ndarray,
    bins: int,
    bounds: tuple[float, float],
) -> Stack:
    """Let each section climb from its places (sections, places, 12) with its plane's axis held."""
    ends = [
        climb(one.scales[level], some, bins, one.size_um, PARALLEL, bounds)
        for one, some in zip(members, poses, strict=True)
    ]
    poses, scores = (np.stack(part) for part in zip(*ends, strict=True))
    return Stack(poses, scores)


def follow(
    members: list[Member],
    level: int,
    poses: np.ndarray,
    bins: int,
    bounds: tuple[float, float],
    tilt_rad: float,
) -> Stack:
    """Let sections settle briefly after a tilt of so much; see :func:`climb_parallel`."""
    ends = []
    for one, some in zip(members, poses, strict=True):
        scale, lever = one.scales[level], lever_um(one.size_um)
        moved = tilt_rad * lever
        ends.append(
            ascend_all(
                scale.arguments, len(one.colours), bins, some, lever, moved / 2, moved / 16,
                PARALLEL, bounds, FOLLOW_SWEEPS,
            )
        )  # fmt: skip
    poses, scores = (np.stack(part) for part in zip(*ends, strict=True))
    return Stack(poses, scores)


def tilted(poses: np.ndarray, turn: Rotation) -> np.ndarray:
    """Return poses (..., 12) turned alike, each about its own centre."""
    out = poses.copy()
    for k in (3, 6):
        out[..., k : k + 3] = turn.apply(poses[..., k : k + 3].reshape(-1, 3)).reshape(
            *poses.shape[:-1], 3
        )
    return out


def settle_axis(
    members: list[Member],
    level: int,
    stack: Stack,
    bins: int,
    bounds: tuple[float, float],
    steps_rad: tuple[float, float] | None = None,
) -> Stack:
    """Tilt the common axis uphill, all sections following; return where it ends.

    Parameters
    ----------
    members : list of Member
    level : int
        Which of their scales.
    stack : Stack
        Where to start.
    bins : int
        Grey bins of the joint histogram.
    bounds : (scale, shear)
        Largest stretch, as fractions.
    steps_rad : (first, last), optional
        Tilts; by default from two voxels at the sections' lever to a quarter of one.
    """
    voxel_rad = members[0].scales[level].voxel_um / np.median(
        [lever_um(m.size_um) for m in members]
    )
    step, stop = steps_rad or (START_VOXEL * voxel_rad, STOP_VOXEL * voxel_rad)
    best = climb_parallel(members, level, stack.poses, bins, bounds)
    while step >= stop:
        frame = np.linalg.svd(best.axis[None])[2]  # rows: the axis, and two across it
        before = best
        for tilt in (step * frame[1], -step * frame[1], step * frame[2], -step * frame[2]):
            poses = tilted(best.poses, Rotation.from_rotvec(tilt))
            trial = follow(members, level, poses, bins, bounds, step)
            if trial.total > best.total:
                best = trial
        if best is before:
            step /= 2
    return climb_parallel(members, level, best.poses, bins, bounds)
