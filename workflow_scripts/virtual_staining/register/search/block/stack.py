"""Sections cut parallel from one block: poses of all of them whose planes are parallel.

A section alone may fit nearly as well at an oblique plane; where it does so differs from section
to section, while the true orientation is common to all. The score of an orientation is the mean
over the sections of the best mutual information that each reaches with a plane of that orientation.

Most sections of a block lie on their slides with the same face up. A section counts as flipped only
if it fits clearly better so: left and right of an animal look so alike that a section alone cannot
tell.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from virtual_staining.register.search.block.depth_order import choose_in_order
from virtual_staining.register.search.coarse_to_fine import DISTINCT_FRACTION, ScoredPoses
from virtual_staining.register.search.confidence import EVEN_MARGIN
from virtual_staining.register.similarity.pose import CENTER, distinct, normals
from virtual_staining.register.similarity.scales import SectionScales

POSES_KEPT = 2  # of each section and face, for one orientation
POSES_KEPT_IN_ORDER = 4  # the same where depths must follow an order: the best may be out of order
APART_DEG = 10.0  # axes less than this apart are the same maximum


@dataclass(frozen=True)
class Stack:
    """Poses of all sections of a block whose planes are parallel.

    Parameters
    ----------
    poses : ndarray, shape (sections, poses, 12)
        In the first half of each section's poses its face is up as in most sections of the block
        (the normal is the common axis); in the second half the section is flipped.
    scores : ndarray, shape (sections, poses)
        Mutual information, nats.
    orders : ndarray, shape (sections,), optional
        The sections' places in the order of cutting, NaN where the sheet names none.
    """

    poses: np.ndarray
    scores: np.ndarray
    orders: np.ndarray | None = None

    @property
    def axis(self) -> np.ndarray:
        """The planes' common normal, shape (3,), on the side that is up."""
        return normals(self.poses[0, 0])

    def penalized(self, clarity: float = 1.0) -> np.ndarray:
        """Return the scores, lower for flipped sections: shape (sections, poses), nats.

        Parameters
        ----------
        clarity : float
            0 to 1, how clear it is which face the block's sections have up; at 0 no score is
            lowered.
        """
        scores = self.scores.copy()
        scores[:, scores.shape[1] // 2 :] *= 1 - clarity * EVEN_MARGIN
        return scores

    @property
    def depths_um(self) -> np.ndarray:
        """Place of each pose's centre along the axis, shape (sections, poses), µm."""
        return self.poses[..., CENTER] @ self.axis

    @property
    def chosen(self) -> np.ndarray:
        """Index of each section's best pose, in the order of cutting, shape (sections,)."""
        return self._choice()[0]

    @property
    def in_order(self) -> np.ndarray:
        """Whether each section's depth follows the order of cutting, bool (sections,)."""
        return self._choice()[1]

    def _choice(self) -> tuple[np.ndarray, np.ndarray]:
        scores = self.penalized()
        if self.orders is None:
            return scores.argmax(1), np.ones(len(scores), bool)
        return choose_in_order(scores, self.depths_um, self.orders)

    @property
    def total(self) -> float:
        """Mean over the sections of the chosen poses' penalized scores, nats.

        Sections out of order count half.
        """
        chosen, in_order = self._choice()
        scores = self.penalized()[np.arange(len(chosen)), chosen]
        return float((scores * np.where(in_order, 1, 0.5)).mean())

    @property
    def best(self) -> np.ndarray:
        """The chosen pose of each section, shape (sections, 12)."""
        return self.poses[np.arange(len(self.poses)), self.chosen]

    @property
    def best_scores(self) -> np.ndarray:
        """Mutual information, not penalized, at the chosen poses, shape (sections,), nats."""
        return self.scores[np.arange(len(self.scores)), self.chosen]


def axis_angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Return the angle in degrees, 0 to 180, between two axes (3,)."""
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def plane_angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Return the angle in degrees, 0 to 90, between the planes at right angles to two axes (3,)."""
    angle = axis_angle_deg(a, b)
    return min(angle, 180 - angle)


def distinct_axes(stacks: list[Stack]) -> list[Stack]:
    """Return the stacks, best first, without those whose axis is close to a better one's."""
    kept: list[Stack] = []
    for stack in sorted(stacks, key=lambda stack: -stack.total):
        if all(axis_angle_deg(stack.axis, other.axis) > APART_DEG for other in kept):
            kept.append(stack)
    return kept


def best_of_both_faces(
    candidates: ScoredPoses, axis: np.ndarray, size_um: tuple[float, float], limit: int = POSES_KEPT
) -> ScoredPoses:
    """Return the best distinct poses of a section with either face up.

    Parameters
    ----------
    candidates : ScoredPoses
        Poses whose normal is the axis or its opposite, at least one of either.
    axis : ndarray, shape (3,)
    size_um : (width, height)
        Size of the slide, µm.
    limit : int
        Number of poses of each face.

    Returns
    -------
    ScoredPoses
        2 * limit poses, first those whose normal is the axis. The best pose of a face is repeated
        if there are fewer than ``limit``.
    """
    poses, scores = candidates
    apart_um = DISTINCT_FRACTION * float(np.hypot(*size_um))
    along = normals(poses) @ axis > 0
    kept = []
    for face in (np.flatnonzero(along), np.flatnonzero(~along)):
        chosen = face[distinct(poses[face], scores[face], limit, apart_um, size_um)]
        kept += [*chosen, *[chosen[0]] * (limit - len(chosen))]
    return ScoredPoses(poses[kept], scores[kept])


def make_stack(
    sections: list[SectionScales],
    candidates: list[ScoredPoses],
    axis: np.ndarray,
    limit: int = 0,
) -> Stack:
    """Return the stack of the best of each section's candidates; see :func:`best_of_both_faces`.

    Without a limit as many poses are kept as sections with or without an order need.
    """
    usual = POSES_KEPT if orders_of(sections) is None else POSES_KEPT_IN_ORDER
    parts = [
        best_of_both_faces(poses, axis, section.size_um, limit or usual)
        for section, poses in zip(sections, candidates, strict=True)
    ]
    return stacked(sections, parts)


def orders_of(sections: list[SectionScales]) -> np.ndarray | None:
    """Return the sections' places in the order of cutting (NaN: none), or None without any."""
    orders = [section.order for section in sections]
    if all(order is None for order in orders):
        return None
    return np.array([np.nan if order is None else order for order in orders], float)


def stacked(sections: list[SectionScales], parts: Iterable[ScoredPoses]) -> Stack:
    """Return the stack of one ``ScoredPoses`` for each section, all of the same length."""
    poses, scores = zip(*parts, strict=True)
    return Stack(np.stack(poses), np.stack(scores), orders_of(sections))
