"""Starting poses around a rough first guess."""

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.stats import qmc

from virtual_staining.register.pose import SIZE, frame_angle_deg


def fan(
    pose: np.ndarray, angle_deg: float, shift_um: float, count: int, seed: int = 0
) -> np.ndarray:
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
    seed : int
        Another seed spreads them over other places.

    Returns
    -------
    ndarray, shape (count, 12)
    """
    power = int(np.ceil(np.log2(max(count, 2))))
    points = qmc.Sobol(6, rng=seed).random_base2(power)[:count]
    points[0] = 0.5  # the guess itself comes first
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


def within(poses: np.ndarray, guess: np.ndarray, angle_deg: float, shift_um: float) -> np.ndarray:
    """Return which poses (n, 12) lie within an angle and, along each axis, a shift of a guess."""
    turned = np.array([frame_angle_deg(guess, pose) for pose in poses])
    return (turned <= angle_deg) & (np.abs(poses[:, :3] - guess[:3]).max(1) <= shift_um)
