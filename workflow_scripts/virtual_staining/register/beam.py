"""From many starting poses to one: score them coarsely, climb, keep the best distinct ones."""

import logging
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.stats import qmc

from virtual_staining.register.ascent import ascend_all
from virtual_staining.register.pose import (
    AFFINE,
    RIGID,
    SIZE,
    distances_um,
    distinct,
    frame_angle_deg,
)
from virtual_staining.register.scales import Scale

log = logging.getLogger(__name__)

STOP_VOXEL = 0.05  # steps below this fraction of a voxel change nothing
SWEEPS = 30
DISTINCT_FRACTION = 0.05  # of the slide's diagonal: what lies nearer is the same maximum
BRIEF_SWEEPS = 3  # enough to tell a start near a maximum from one that leads nowhere


@dataclass(frozen=True)
class Found:
    """Where a search ended.

    Parameters
    ----------
    pose : ndarray, shape (12,)
        The best pose.
    mutual_information : float
        At the finest level, nats.
    margin : float
        How far, as a fraction, the best distinct other maximum stays below it; see
        :func:`margin_to_others`.
    """

    pose: np.ndarray
    mutual_information: float
    margin: float


def fan(pose: np.ndarray, angle_deg: float, shift_um: float, count: int) -> np.ndarray:
    """Spread starting poses evenly around a first guess.

    Parameters
    ----------
    pose : ndarray, shape (12,)
        The guess; it is the first of the poses returned.
    angle_deg : float
        Rotation vectors fill the ball of this radius.
    shift_um : float
        Shifts fill the cube of this half edge.
    count : int
        Number of poses.

    Returns
    -------
    ndarray, shape (count, 12)
    """
    power = int(np.ceil(np.log2(max(count, 2))))
    points = qmc.Sobol(6, scramble=False).random_base2(power)[
        :count
    ]  # the guess itself comes first
    points[0] = 0.5
    ball = 2 * points[:, :3] - 1
    # cube to ball: rays through the cube's surface shrink to the sphere, volumes stay even enough
    radius = np.abs(ball).max(1, keepdims=True)
    length = np.linalg.norm(ball, axis=1, keepdims=True)
    ball = np.divide(ball * radius, length, out=np.zeros_like(ball), where=length > 0)
    turns = Rotation.from_rotvec(np.radians(angle_deg) * ball)
    poses = np.empty((count, SIZE))
    poses[:, :3] = pose[:3] + shift_um * (2 * points[:, 3:] - 1)
    poses[:, 3:6] = turns.apply(pose[3:6])
    poses[:, 6:9] = turns.apply(pose[6:9])
    poses[:, 9:] = pose[9:]
    return poses


def refine(
    scales: list[Scale],
    starts: np.ndarray,
    scores: np.ndarray,
    beam: tuple[int, ...],
    bins: int,
    size_um: tuple[float, float],
    guess: np.ndarray | None = None,
    trust: tuple[float, float] = (180.0, np.inf),
) -> Found:
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
    guess : ndarray, shape (12,), optional
        First guess that results must stay near.
    trust : (angle, shift)
        How near: degrees, and µm along each axis.

    Returns
    -------
    Found
    """
    apart_um = scales[0].voxel_um
    radius_um = 0.35 * float(np.hypot(*size_um))
    classes = 1 + max(int(scale.labels.max()) for scale in scales)
    poses = starts
    reached = []
    for index, (scale, sweeps) in enumerate(
        [(scales[0], BRIEF_SWEEPS), *((scale, SWEEPS) for scale in scales)]
    ):
        limit = beam[min(index, len(beam) - 1)]
        poses = poses[distinct(poses, scores, limit, apart_um, size_um)]
        poses, scores = ascend_all(
            *scale.arguments,
            classes,
            bins,
            poses,
            radius_um,
            (1 if index else 2) * scale.voxel_um,
            STOP_VOXEL * scale.voxel_um,
            AFFINE if index > len(scales) // 2 else RIGID,
            sweeps,
        )
        if guess is not None:
            near = within(poses, guess, *trust)
            if near.any():
                poses, scores = poses[near], scores[near]
        reached.append((poses, scores))
        log.info(
            "%g µm: %d poses, mutual information %.4f", scale.voxel_um, len(poses), scores.max()
        )
    best = int(scores.argmax())
    return Found(poses[best], float(scores[best]), margin_to_others(reached, poses[best], size_um))


def within(poses: np.ndarray, guess: np.ndarray, angle_deg: float, shift_um: float) -> np.ndarray:
    """Return which poses (n, 12) lie within an angle and, along each axis, a shift of a guess."""
    turned = np.array([frame_angle_deg(guess, pose) for pose in poses])
    return (turned <= angle_deg) & (np.abs(poses[:, :3] - guess[:3]).max(1) <= shift_um)


def margin_to_others(
    reached: list[tuple[np.ndarray, np.ndarray]], best: np.ndarray, size_um: tuple[float, float]
) -> float:
    """Return how far the best distinct other maximum stays below the one that was chosen.

    Wrong results have small margins. The finest level at which the chosen and a distinct pose were
    both climbed from decides; 1 where there is none.

    Parameters
    ----------
    reached : list of (poses, scores)
        At each level, coarse to fine.
    best : ndarray, shape (12,)
        The pose chosen.
    size_um : (width, height)
        Size of the slide.

    Returns
    -------
    float
        Fraction of the mutual information; negative where the other one was ahead.
    """
    apart_um = DISTINCT_FRACTION * float(np.hypot(*size_um))
    for poses, scores in reversed(reached):
        same = distances_um(best, poses, size_um) < apart_um
        if same.any() and not same.all():
            own = scores[same].max()
            return float((own - scores[~same].max()) / max(own, 1e-9))
    return 1.0
