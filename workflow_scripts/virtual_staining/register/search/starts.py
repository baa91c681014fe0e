"""Starting poses: orientations spread evenly, and poses around a rough first guess.

An orientation is a frame, ndarray (2, 3): the volume directions of the section's x and y.
"""

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.stats import qmc

from virtual_staining.artefacts.registration_review import parse_direction
from virtual_staining.register.similarity.pose import (
    CENTER,
    POSE_SIZE,
    STRETCH,
    X_AXIS,
    Y_AXIS,
    frame_angle_deg,
)

PSI = 1.533751168755204288118041  # root of ψ⁴ = ψ + 4 (Alexa 2022)


def super_fibonacci(count: int) -> Rotation:
    """Spread ``count`` rotations evenly over all orientations (Alexa, CVPR 2022)."""
    s = np.arange(count) + 0.5
    inner, outer = np.sqrt(s / count), np.sqrt(1 - s / count)
    alpha, beta = 2 * np.pi * s / np.sqrt(2), 2 * np.pi * s / PSI
    parts = [inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta)]
    return Rotation.from_quat(np.stack([*parts, outer * np.cos(beta)], 1))


def spread_frames(count: int, rng: np.random.Generator) -> np.ndarray:
    """Spread frames (count, 2, 3) evenly over all orientations; ``rng`` rotates them together."""
    rotations = Rotation.random(rng=rng) * super_fibonacci(count)
    return rotations.as_matrix()[:, :, :2].transpose(0, 2, 1).copy()


def spread_axes(rotations: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Spread axes over the half sphere, as densely as a number of orientations allows.

    Parameters
    ----------
    rotations : int
        Number of orientations that the axes, the rotations about them and their two signs make up
        together.
    rng : Generator
        Rotates all axes together at random.

    Returns
    -------
    axes : ndarray, shape (n, 3)
    turns : int
        Number of rotations about each axis that are as far apart as the axes.
    """
    spacing = np.cbrt(8 * np.pi**2 / rotations)
    count, turns = int(np.ceil(2 * np.pi / spacing**2)), int(np.ceil(2 * np.pi / spacing))
    z = (np.arange(count) + 0.5) / count
    angle = np.pi * (1 + np.sqrt(5)) * np.arange(count)
    radius = np.sqrt(1 - z**2)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], 1)
    return Rotation.random(rng=rng).apply(points), turns


def view_vector(view_axis: str) -> np.ndarray | None:
    """Return the direction (3,), volume x, y, z, that the sample sheet's ``view_axis`` names.

    Parameters
    ----------
    view_axis : str
        ``x+``, ``x-``, ``y+``, ``y-``, ``z+`` or ``z-``: the volume axis along which a person
        looks, roughly, who looks at the slide; or that direction itself as ``x,y,z``; empty if it
        is not known.

    Returns
    -------
    ndarray, shape (3,), or None
        The section's normal, the cross product of the slide's x and y, lies within 90° of it.
    """
    if not view_axis:
        return None
    if "," in view_axis:
        return parse_direction(view_axis)
    return (1.0 if view_axis[1] == "+" else -1.0) * np.eye(3)["xyz".index(view_axis[0])]


def face_view(normals: np.ndarray, view: np.ndarray | None) -> np.ndarray:
    """Return which normals (n, 3) lie within 90° of ``view`` (3,), bool (n,); all without view."""
    if view is None:
        return np.ones(len(normals), bool)
    return normals @ view > 0


def frame_normals(frames: np.ndarray) -> np.ndarray:
    """Return the normals, x × y, of frames (n, 2, 3), shape (n, 3)."""
    return np.cross(frames[:, 0], frames[:, 1])


def frames_across(axes: np.ndarray, turns: int) -> np.ndarray:
    """Return frames of planes at right angles to axes, facing along them and against them.

    Parameters
    ----------
    axes : ndarray, shape (n, 3)
    turns : int
        Number of rotations about each axis.

    Returns
    -------
    ndarray, shape (n * turns * 2, 2, 3)
    """
    other = np.eye(3)[np.abs(axes).argmin(1)]
    e1 = np.cross(axes, other)
    e1 /= np.linalg.norm(e1, axis=1, keepdims=True)
    e2 = np.cross(axes, e1)
    angle = 2 * np.pi * np.arange(turns)[:, None] / turns
    x = np.cos(angle) * e1[:, None] + np.sin(angle) * e2[:, None]
    y = np.cos(angle) * e2[:, None] - np.sin(angle) * e1[:, None]
    along, against = np.stack([x, y], 2), np.stack([x, -y], 2)
    return np.stack([along, against], 2).reshape(-1, 2, 3)


def around_guess(
    guess: np.ndarray, angle_deg: float, shift_um: float, count: int, seed: int = 0
) -> np.ndarray:
    """Spread starting poses evenly around a first guess.

    Parameters
    ----------
    guess : ndarray, shape (12,)
        The first of the poses returned.
    angle_deg : float
        Rotation vectors fill the ball of this radius, degrees.
    shift_um : float
        Shifts fill the cube of this half edge, µm.
    count : int
        Number of poses.
    seed : int
        Each seed gives other poses.

    Returns
    -------
    ndarray, shape (count, 12)
    """
    power = int(np.ceil(np.log2(max(count, 2))))
    points = qmc.Sobol(6, rng=seed).random_base2(power)[:count]
    points[0] = 0.5  # no rotation and no shift: the guess itself
    ball = 2 * points[:, :3] - 1
    # Cube to ball: each ray is shortened by the factor by which it leaves the sphere inside the
    # cube; densities stay even enough.
    radius = np.abs(ball).max(1, keepdims=True)
    length = np.linalg.norm(ball, axis=1, keepdims=True)
    ball = np.divide(ball * radius, length, out=np.zeros_like(ball), where=length > 0)
    rotations = Rotation.from_rotvec(np.radians(angle_deg) * ball)
    poses = np.empty((count, POSE_SIZE))
    poses[:, CENTER] = guess[CENTER] + shift_um * (2 * points[:, 3:] - 1)
    poses[:, X_AXIS] = rotations.apply(guess[X_AXIS])
    poses[:, Y_AXIS] = rotations.apply(guess[Y_AXIS])
    poses[:, STRETCH] = guess[STRETCH]
    return poses


def near_guess(
    poses: np.ndarray, guess: np.ndarray, angle_deg: float, shift_um: float
) -> np.ndarray:
    """Return which poses (n, 12) lie within an angle and, along each axis, a shift of a guess."""
    angles = np.array([frame_angle_deg(guess, pose) for pose in poses])
    shifts = np.abs(poses[:, CENTER] - guess[CENTER]).max(1)
    return (angles <= angle_deg) & (shifts <= shift_um)
