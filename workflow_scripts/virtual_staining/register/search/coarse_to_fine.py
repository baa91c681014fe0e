"""From many starting poses to a few: climb coarse to fine, keeping the best distinct poses."""

import logging
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from virtual_staining.register.search.coordinate_ascent import ascend_all
from virtual_staining.register.similarity.pose import (
    AFFINE,
    RIGID,
    distances_um,
    distinct,
    lever_um,
)
from virtual_staining.register.similarity.scales import Scale
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)

STOP_VOXEL = 0.05  # steps below this fraction of a voxel change nothing
SWEEPS = 30
BRIEF_SWEEPS = 3  # enough to tell a start near a maximum from one that leads nowhere
DISTINCT_FRACTION = 0.05  # of the slide's diagonal: poses nearer than this share one maximum
BOUNDS_FACTOR = 1.2  # a climb may pass the limit at which a result is flagged by this factor


class ScoredPoses(NamedTuple):
    """Poses and their mutual information.

    Parameters
    ----------
    poses : ndarray, shape (n, 12)
    scores : ndarray, shape (n,)
        nats.
    """

    poses: np.ndarray
    scores: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """The pose (12,) of the highest score."""
        return self.poses[self.scores.argmax()]


def stretch_bounds(settings: RegisterSettings) -> tuple[float, float]:
    """Return the scale and shear that no climb passes, a little beyond what is flagged."""
    return BOUNDS_FACTOR * settings.max_scale, BOUNDS_FACTOR * settings.max_shear


def climb(
    scale: Scale,
    poses: np.ndarray,
    freedom: np.ndarray,
    size_um: tuple[float, float],
    settings: RegisterSettings,
    brief: bool = False,
) -> ScoredPoses:
    """Climb from poses (n, 12) at one scale; return the poses reached and their scores.

    Parameters
    ----------
    scale : Scale
    poses : ndarray, shape (n, 12)
    freedom : ndarray of int
        ``RIGID``, ``AFFINE`` or ``PARALLEL``.
    size_um : (width, height)
        Size of the slide, µm.
    settings : RegisterSettings
    brief : bool
        Start with a wider step and stop after a few sweeps.
    """
    return ScoredPoses(
        *ascend_all(
            scale,
            settings.grey_bins,
            poses,
            lever_um(size_um),
            (2 if brief else 1) * scale.voxel_um,
            STOP_VOXEL * scale.voxel_um,
            freedom,
            stretch_bounds(settings),
            BRIEF_SWEEPS if brief else SWEEPS,
        )
    )


def coarse_to_fine(
    scales: list[Scale],
    starts: ScoredPoses,
    beam: tuple[int, ...],
    size_um: tuple[float, float],
    settings: RegisterSettings,
    allowed: Callable[[np.ndarray], np.ndarray] | None = None,
    affine: bool = False,
    freedom: np.ndarray | None = None,
) -> list[ScoredPoses]:
    """Climb from many starts, scale by scale; rigid at the coarse half of the scales, then affine.

    Parameters
    ----------
    scales : list of Scale
        Coarse to fine.
    starts : ScoredPoses
        The best distinct ones are taken.
    beam : tuple of int
        Number of starts from which the search climbs briefly at the coarsest scale, then the
        number of poses from which it climbs at each scale; the last holds for all finer scales.
    size_um : (width, height)
        Size of the slide, µm.
    settings : RegisterSettings
    allowed : function, optional
        Takes poses (n, 12) and returns which of them may be results, bool (n,). If none may, all
        of them stay.
    affine : bool
        Let the stretch vary from the coarsest scale on.
    freedom : ndarray of int, optional
        What may vary at all scales instead, e.g. ``PARALLEL``.

    Returns
    -------
    list of ScoredPoses
        Where the climbs at each scale ended.
    """
    current = starts
    by_scale = []
    for index, scale in enumerate([scales[0], *scales]):
        limit = beam[min(index, len(beam) - 1)]
        chosen = best_with_rival(current, limit, scales[0].voxel_um, size_um)
        usual = AFFINE if affine or index > (len(scales) + 1) // 2 else RIGID
        moves = usual if freedom is None else freedom
        current = climb(scale, current.poses[chosen], moves, size_um, settings, brief=index == 0)
        if allowed is not None:
            inside = allowed(current.poses)
            if inside.any():
                current = ScoredPoses(current.poses[inside], current.scores[inside])
        log.info(
            "%g µm: %d poses, best mutual information %.4f",
            scale.voxel_um,
            len(current.poses),
            current.scores.max(),
        )
        by_scale.append(current)
    return by_scale[1:]


def best_with_rival(
    candidates: ScoredPoses, limit: int, apart_um: float, size_um: tuple[float, float]
) -> np.ndarray:
    """Return the indices of the best distinct poses, a rival to the best one always among them.

    The rival is the best pose that belongs to another maximum than the best pose.

    Parameters
    ----------
    candidates : ScoredPoses
    limit : int
        Largest number of poses, the rival not counted.
    apart_um : float
        Least distance (root mean square) between two of them, µm.
    size_um : (width, height)
        Size of the slide, µm.
    """
    poses, scores = candidates
    chosen = distinct(poses, scores, limit, apart_um, size_um)
    elsewhere = np.flatnonzero(~same_maximum(poses[chosen[0]], poses, size_um))
    if len(elsewhere) and same_maximum(poses[chosen[0]], poses[chosen], size_um).all():
        chosen = np.append(chosen, elsewhere[scores[elsewhere].argmax()])
    return chosen


def same_maximum(pose: np.ndarray, others: np.ndarray, size_um: tuple[float, float]) -> np.ndarray:
    """Return which of the poses (n, 12) belong to the same maximum as a pose, bool (n,)."""
    apart_um = DISTINCT_FRACTION * float(np.hypot(*size_um))
    return distances_um(pose, others, size_um) < apart_um


def margin_to_rival(
    best: np.ndarray, by_scale: list[ScoredPoses], size_um: tuple[float, float]
) -> float:
    """Return by how much the best other maximum stays below the chosen one.

    Wrong results have small margins. The margin is measured at the finest scale at which climbs
    ended both at the chosen maximum and elsewhere; it is 1 if there is no such scale.

    Parameters
    ----------
    best : ndarray, shape (12,)
        The pose chosen.
    by_scale : list of ScoredPoses
        Where climbs ended at each scale, coarse to fine.
    size_um : (width, height)
        Size of the slide, µm.

    Returns
    -------
    float
        Fraction of the mutual information; negative if the other maximum is higher.
    """
    for poses, scores in reversed(by_scale):
        same = same_maximum(best, poses, size_um)
        if same.any() and not same.all():
            highest = scores[same].max()
            return float((highest - scores[~same].max()) / max(highest, 1e-9))
    return 1.0
