"""Starting poses: orientations spread evenly, and poses around a rough first guess."""

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.stats import qmc

from virtual_staining.register.similarity.pose import SIZE, frame_angle_deg

PSI = 1.533751168755204288118041  # root of ψ⁴ = ψ + 4 (Alexa 2022)


def super_fibonacci(count: int) -> Rotation:
    """Spread rotations evenly over all orientations (Alexa, CVPR 2022).

    Parameters
    ----------
    count : int
        Number of rotations.
    """
    s = np.arange(count) + 0.5
    inner, outer = np.sqrt(s / count), np.sqrt(1 - s / count)
    alpha, beta = 2 * np.pi * s / np.sqrt(2), 2 * np.pi * s / PSI
    parts = [inner * np.sin(alpha), inner * np.cos(alpha), outer * np.sin(beta)]
    return Rotation.from_quat(np.stack([*parts, outer * np.cos(beta)], 1))


def spread_frames(count: int, rng: np.random.Generator) -> np.ndarray:
    """Spread orientations evenly, turned at random; directions of the slide's x, y, (n, 6)."""
    turned = Rotation.random(rng=rng) * super_fibonacci(count)
    return turned.as_matrix()[:, :, :2].transpose(0, 2, 1).reshape(-1, 6)


def spread_axes(rotations: int, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Spread axes over the half sphere, as closely as so many orientations allow.

    Parameters
    ----------
    rotations : int
        Number of orientations that the axes, their turns and their two signs make up together.
    rng : Generator
        Turns all axes at random.

    Returns
    -------
    axes : ndarray, shape (n, 3)
    turns : int
        Number of turns about each axis that are as far apart as the axes.
    """
    spacing = np.cbrt(8 * np.pi**2 / rotations)
    count, turns = int(np.ceil(2 * np.pi / spacing**2)), int(np.ceil(2 * np.pi / spacing))
    z = (np.arange(count) + 0.5) / count
    angle = np.pi * (1 + np.sqrt(5)) * np.arange(count)
    radius = np.sqrt(1 - z**2)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], 1)
    return Rotation.random(rng=rng).apply(points), turns


def view_vector(view_axis: str) -> np.ndarray | None:
    """Return the direction (3,), volume x, y, z, that the sheet's ``view_axis`` names.

    Parameters
    ----------
    view_axis : str
        ``x+``, ``x-``, ``y+``, ``y-``, ``z+`` or ``z-``: roughly along which axis of the volume
        one looks when one looks at the slide; empty if that is not known.

    Returns
    -------
    ndarray, shape (3,), or None
        A section's normal, the cross product of the slide's x and y, points to its side.
    """
    if not view_axis:
        return None
    return (1.0 if view_axis[1] == "+" else -1.0) * np.eye(3)["xyz".index(view_axis[0])]


def looks(frames: np.ndarray, view: np.ndarray | None) -> np.ndarray:
    """Return which frames' (n, 6) normals point to the side of ``view`` (3,), bool (n,)."""
    if view is None:
        return np.ones(len(frames), bool)
    return np.cross(frames[:, :3], frames[:, 3:]) @ view > 0


def frames_of(axes: np.ndarray, turns: int) -> np.ndarray:
    """Return the frames of planes across axes, seen from both sides.

    Parameters
    ----------
    axes : ndarray, shape (n, 3)
    turns : int
        Number of turns about each.

    Returns
    -------
    ndarray, shape (n * turns * 2, 6)
        Directions of the slide's x and y.
    """
    other = np.eye(3)[np.abs(axes).argmin(1)]
    e1 = np.cross(axes, other)
    e1 /= np.linalg.norm(e1, axis=1, keepdims=True)
    e2 = np.cross(axes, e1)
    angle = 2 * np.pi * np.arange(turns)[:, None] / turns
    x = np.cos(angle) * e1[:, None] + np.sin(angle) * e2[:, None]
    y = np.cos(angle) * e2[:, None] - np.sin(angle) * e1[:, None]
    return np.stack([np.concatenate([x, y], 2), np.concatenate([x, -y], 2)], 2).reshape(-1, 6)


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
