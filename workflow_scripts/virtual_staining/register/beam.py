"""From many starting poses to one: score them coarsely, climb, keep the best distinct ones."""

import logging
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.stats import qmc

from virtual_staining.register.ascent import ascend_all
from virtual_staining.register.kernel import score_poses
from virtual_staining.register.pose import AFFINE, RIGID, SIZE, distinct
from virtual_staining.register.scales import Scale

log = logging.getLogger(__name__)

STOP_VOXEL = 0.05  # steps below this fraction of a voxel change nothing
SWEEPS = 30


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
        How far, as a fraction, the best distinct other maximum stays below; 1 without any.
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
    beam: tuple[int, ...],
    bins: int,
    size_um: tuple[float, float],
) -> Found:
    """Search coarse to fine from many starts: rigid at the coarse half of the levels, then affine.

    Parameters
    ----------
    scales : list of Scale
        Coarse to fine.
    starts : ndarray, shape (n, 12)
    beam : tuple of int
        Poses kept at each level; the last number holds for all finer levels.
    bins : int
        Grey bins of the joint histogram.
    size_um : (width, height)
        Size of the slide.

    Returns
    -------
    Found
    """
    apart_um = scales[0].voxel_um
    radius_um = 0.35 * float(np.hypot(*size_um))
    classes = 1 + max(int(scale.labels.max()) for scale in scales)
    poses, scores = starts, score_poses(*scales[0].arguments, classes, bins, starts)
    for index, scale in enumerate(scales):
        limit = beam[min(index, len(beam) - 1)]
        poses = poses[distinct(poses, scores, limit, apart_um, size_um)]
        poses, scores = ascend_all(
            *scale.arguments,
            classes,
            bins,
            poses,
            radius_um,
            scale.voxel_um,
            STOP_VOXEL * scale.voxel_um,
            AFFINE if index >= len(scales) // 2 else RIGID,
            SWEEPS,
        )
        log.info(
            "%g µm: %d poses, mutual information %.4f", scale.voxel_um, len(poses), scores.max()
        )
    order = distinct(poses, scores, 2, apart_um, size_um)
    best = scores[order[0]]
    margin = float((best - scores[order[1]]) / best) if len(order) > 1 and best > 0 else 1.0
    return Found(poses[order[0]], float(best), margin)
