"""From many starting poses to a few: score them coarsely, climb, keep the best distinct ones."""

import logging
from collections.abc import Callable

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
DISTINCT_FRACTION = 0.05  # of the slide's diagonal: what lies nearer is the same maximum
BEYOND = 1.2


def climb(
    scale: Scale,
    poses: np.ndarray,
    bins: int,
    size_um: tuple[float, float],
    freedom: np.ndarray,
    bounds: tuple[float, float],
    brief: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Climb from poses (n, 12) at one scale; return the poses and scores (nats) reached.

    Parameters
    ----------
    scale : Scale
    poses : ndarray, shape (n, 12)
    bins : int
        Grey bins of the joint histogram.
    size_um : (width, height)
        Size of the slide.
    freedom : ndarray of int
        ``RIGID``, ``AFFINE`` or ``PARALLEL``.
    bounds : (scale, shear)
        Largest stretch, as fractions.
    brief : bool
        Stop after a few sweeps, taken with a wider step.
    """
    return ascend_all(
        scale.arguments,
        1 + int(scale.labels.max()),
        bins,
        poses,
        lever_um(size_um),
        (2 if brief else 1) * scale.voxel_um,
        STOP_VOXEL * scale.voxel_um,
        freedom,
        bounds,
        BRIEF_SWEEPS if brief else SWEEPS,
    )


def descend(
    scales: list[Scale],
    starts: np.ndarray,
    scores: np.ndarray,
    beam: tuple[int, ...],
    bins: int,
    size_um: tuple[float, float],
    bounds: tuple[float, float],
    allowed: Callable[[np.ndarray], np.ndarray] | None = None,
    affine: bool = False,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Search coarse to fine from many starts: rigid at the coarse half of the levels, then affine.

    Parameters
    ----------
    scales : list of Scale
        Coarse to fine.
    starts : ndarray, shape (n, 12)
    scores : ndarray, shape (n,)
        How promising the starts are; the best distinct ones are taken.
    beam : tuple of int
        Number of starts climbed from briefly at the coarsest level, then the number of poses
        climbed from at each level; the last holds for all finer levels.
    bins : int
        Grey bins of the joint histogram.
    size_um : (width, height)
        Size of the slide.
    bounds : (scale, shear)
        Largest stretch, as fractions.
    allowed : function, optional
        Tells of poses (n, 12) where results may lie, bool (n,); where none is, all stay.
    affine : bool
        Let the stretch vary from the coarsest level on.

    Returns
    -------
    list of (poses, scores)
        Where the climbs at each scale ended: ndarrays of shape (m, 12) and (m,), nats.
    """
    poses = starts
    reached = []
    for index, scale in enumerate([scales[0], *scales]):
        limit = beam[min(index, len(beam) - 1)]
        poses = poses[promising(poses, scores, limit, scales[0].voxel_um, size_um)]
        freedom = AFFINE if affine or index > (len(scales) + 1) // 2 else RIGID
        poses, scores = climb(scale, poses, bins, size_um, freedom, bounds, brief=index == 0)
        if allowed is not None:
            inside = allowed(poses)
            if inside.any():
                poses, scores = poses[inside], scores[inside]
        log.info(
            "%g µm: %d poses, mutual information %.4f", scale.voxel_um, len(poses), scores.max()
        )
        reached.append((poses, scores))
    return reached[1:]


def promising(
    poses: np.ndarray,
    scores: np.ndarray,
    limit: int,
    apart_um: float,
    size_um: tuple[float, float],
) -> np.ndarray:
    """Return indices of the best distinct poses, a rival to the best one always among them.

    Parameters
    ----------
    poses : ndarray, shape (n, 12)
    scores : ndarray, shape (n,)
    limit : int
        Largest number of poses, the rival not counted.
    apart_um : float
        Root mean square distance between two of them.
    size_um : (width, height)
        Size of the slide.
    """
    chosen = distinct(poses, scores, limit, apart_um, size_um)
    elsewhere = np.flatnonzero(~same_place(poses[chosen[0]], poses, size_um))
    if len(elsewhere) and same_place(poses[chosen[0]], poses[chosen], size_um).all():
        chosen = np.append(chosen, elsewhere[scores[elsewhere].argmax()])
    return chosen


def same_place(pose: np.ndarray, others: np.ndarray, size_um: tuple[float, float]) -> np.ndarray:
    """Return which of the poses (n, 12) belong to the same maximum as a pose, bool (n,)."""
    apart_um = DISTINCT_FRACTION * float(np.hypot(*size_um))
    return distances_um(pose, others, size_um) < apart_um


def margin_to_rival(
    best: np.ndarray,
    levels: list[tuple[np.ndarray, np.ndarray]],
    size_um: tuple[float, float],
) -> float:
    """Return how far the best distinct other maximum stays below the one that was chosen.

    Wrong results have small margins. The finest level at which climbs from both places ended
    decides; 1 where there is none.

    Parameters
    ----------
    best : ndarray, shape (12,)
        The pose chosen.
    levels : list of (poses, scores)
        At each level, coarse to fine.
    size_um : (width, height)
        Size of the slide.

    Returns
    -------
    float
        Fraction of the mutual information; negative where the other one was ahead.
    """
    for poses, scores in reversed(levels):
        same = same_place(best, poses, size_um)
        if same.any() and not same.all():
            own = scores[same].max()
            return float((own - scores[~same].max()) / max(own, 1e-9))
    return 1.0


def bounds(settings: RegisterSettings) -> tuple[float, float]:
    """Return the scale and shear that no climb passes; a little beyond what is flagged."""
    return BEYOND * settings.max_scale, BEYOND * settings.max_shear
