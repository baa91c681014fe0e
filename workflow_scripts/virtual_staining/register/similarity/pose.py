"""Poses of a section in its volume: rows of 12 numbers, whose parts this module names.

The searches handle thousands of poses at once, so a pose is a row of an array of shape (n, 12) and
not an object. Read and write its parts by the names below: ``poses[:, CENTER]``, ``pose[SHEAR]``.

``CENTER``
    Volume point (x, y, z) of the slide's centre, µm.
``X_AXIS``, ``Y_AXIS``
    Volume directions of the section's x and y before distortion: unit vectors at right angles.
``SCALE_X``, ``SCALE_Y``, ``SHEAR``; all three ``STRETCH``
    The section's symmetric stretch S, fractions: the map slide µm → volume µm has the columns
    ``[u v] = [x_axis y_axis] S`` with ``S = [[1 + scale_x, shear / 2], [shear / 2, 1 + scale_y]]``.
    This polar form prefers neither axis of the slide. ``shear`` is the change, in radians, of the
    right angle between the axes.
"""

import numba
import numpy as np

from virtual_staining.imaging.geometry import SectionMap

POSE_SIZE = 12
CENTER, X_AXIS, Y_AXIS, STRETCH = slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12)
SCALE_X, SCALE_Y, SHEAR = 9, 10, 11

# Parts of a step (see `moved`): three shifts, three rotations, and the changes of the stretch.
STEP_SIZE = 9
SHIFT_X, SHIFT_Y, SHIFT_NORMAL, TURN_X, TURN_Y, TURN_NORMAL = range(6)
STEP_STRETCH = slice(6, 9)

# Degrees of freedom of a search, as indices into a step.
RIGID = np.arange(6)
AFFINE = np.arange(9)
PARALLEL = np.array([SHIFT_X, SHIFT_Y, SHIFT_NORMAL, TURN_NORMAL, 6, 7, 8])  # all but tilts

# Slide centre at the volume's corner, slide axes along the volume's x and y, no stretch.
UPRIGHT = np.array([0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0.0])

LEVER_FRACTION = 0.35  # of the slide's diagonal


def from_map(section: SectionMap, size_um: tuple[float, float]) -> np.ndarray:
    """Return the pose of a map slide µm → volume µm, by polar decomposition.

    Parameters
    ----------
    section : SectionMap
        Slide µm to volume µm.
    size_um : (width, height)
        Size of the slide, µm.

    Returns
    -------
    ndarray, shape (12,)
    """
    left, stretch, right = np.linalg.svd(np.stack([section.u, section.v], 1), full_matrices=False)
    frame = left @ right
    matrix = right.T @ np.diag(stretch) @ right
    center = section.to_volume(np.array([size_um]) / 2)[0]
    stretch = [matrix[0, 0] - 1, matrix[1, 1] - 1, 2 * matrix[0, 1]]
    return np.concatenate([center, frame[:, 0], frame[:, 1], stretch])


def to_map(pose: np.ndarray, size_um: tuple[float, float]) -> SectionMap:
    """Return the map slide µm → volume µm of a pose; ``size_um`` is the slide's (width, height)."""
    u, v = map_columns(pose)
    return SectionMap(pose[CENTER] - 0.5 * (size_um[0] * u + size_um[1] * v), u, v)


def normals(poses: np.ndarray) -> np.ndarray:
    """Return the unit normals, x axis × y axis, of the planes of poses (..., 12), (..., 3)."""
    return np.cross(poses[..., X_AXIS], poses[..., Y_AXIS])


def frame_angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Return the angle in degrees of the rotation between the axes of two poses (12,)."""
    cosine = (np.trace(_frame(a).T @ _frame(b)) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _frame(pose: np.ndarray) -> np.ndarray:
    return np.stack([pose[X_AXIS], pose[Y_AXIS], normals(pose)], 1)


def slide_points_um(poses: np.ndarray, size_um: tuple[float, float]) -> np.ndarray:
    """Return where poses (n, 12) put the slide's centre and corners, shape (n, 5, 3), µm."""
    x_axes, y_axes, half_shear = poses[:, X_AXIS], poses[:, Y_AXIS], 0.5 * poses[:, [SHEAR]]
    u = (1 + poses[:, [SCALE_X]]) * x_axes + half_shear * y_axes
    v = half_shear * x_axes + (1 + poses[:, [SCALE_Y]]) * y_axes
    corners = np.array([[0, 0], [-1, -1], [1, -1], [-1, 1], [1, 1]]) * np.array(size_um) / 2
    offsets = corners[:, :1] * u[:, None] + corners[:, 1:] * v[:, None]
    return poses[:, None, CENTER] + offsets


def lever_um(size_um: tuple[float, float]) -> float:
    """Return the distance from the slide's centre at which rotations are measured as shifts, µm."""
    return LEVER_FRACTION * float(np.hypot(*size_um))


def distances_um(pose: np.ndarray, others: np.ndarray, size_um: tuple[float, float]) -> np.ndarray:
    """Return how far apart a pose (12,) and others (n, 12) put the slide, shape (n,), µm.

    The distance is the root mean square over the slide's centre and corners.
    """
    points = slide_points_um(np.vstack([pose, others]), size_um)
    return np.sqrt(((points[1:] - points[0]) ** 2).sum(2).mean(1))


def distinct(
    poses: np.ndarray, scores: np.ndarray, limit: int, apart_um: float, size_um: tuple[float, float]
) -> np.ndarray:
    """Return the indices of the best poses, best first, leaving out poses close to a better one.

    Parameters
    ----------
    poses : ndarray, shape (n, 12)
    scores : ndarray, shape (n,)
    limit : int
        Largest number of indices.
    apart_um : float
        Two poses are close when the slide's corners and centre lie less than this apart (root mean
        square), µm.
    size_um : (width, height)
        Size of the slide, µm.
    """
    points = slide_points_um(poses, size_um).reshape(len(poses), -1)
    kept = np.empty(min(limit, len(poses)), int)
    kept_points = np.empty((len(kept), points.shape[1]))
    count = 0
    for index in np.argsort(-scores, kind="stable"):
        squares = ((kept_points[:count] - points[index]) ** 2).sum(1) / 5
        if (squares > apart_um**2).all():
            kept[count], kept_points[count] = index, points[index]
            count += 1
        if count == len(kept):
            break
    return kept[:count]


# A function that a fastmath function calls first is compiled with fastmath by inheritance. With the
# option given here, results do not depend on which function calls it first.
@numba.njit(cache=True, fastmath=True)
def map_columns(pose):
    """Return the columns ``u`` and ``v``, shapes (3,), of the map slide → volume of a pose."""
    x_axis, y_axis, half_shear = pose[X_AXIS], pose[Y_AXIS], 0.5 * pose[SHEAR]
    u = (1 + pose[SCALE_X]) * x_axis + half_shear * y_axis
    v = half_shear * x_axis + (1 + pose[SCALE_Y]) * y_axis
    return u, v


@numba.njit(cache=True)
def moved(pose, step, radius_um):
    """Return a pose shifted, rotated and stretched by a step.

    Parameters
    ----------
    pose : ndarray, shape (12,)
    step : ndarray, shape (9,)
        Shifts along the section's x, y and normal, µm, rotations about them, and changes of
        scale_x, scale_y and shear. A rotation or a stretch is given as the displacement in µm that
        it causes at ``radius_um`` from the slide's centre.
    radius_um : float
    """
    x_axis, y_axis = pose[X_AXIS], pose[Y_AXIS]
    normal = np.cross(x_axis, y_axis)
    axis = (step[TURN_X] * x_axis + step[TURN_Y] * y_axis + step[TURN_NORMAL] * normal) / radius_um
    angle = np.sqrt((axis**2).sum())
    out = np.empty(POSE_SIZE)
    out[CENTER] = (
        pose[CENTER] + step[SHIFT_X] * x_axis + step[SHIFT_Y] * y_axis + step[SHIFT_NORMAL] * normal
    )
    out[X_AXIS], out[Y_AXIS] = x_axis, y_axis
    if angle > 0:
        axis = axis / angle
        out[X_AXIS] = _rotated(x_axis, axis, angle)
        out[Y_AXIS] = _rotated(y_axis, axis, angle)
    out[STRETCH] = pose[STRETCH] + step[STEP_STRETCH] / radius_um
    return out


@numba.njit(cache=True)
def _rotated(vector, axis, angle):
    """Return a vector rotated about a unit axis by an angle in radians (Rodrigues' formula)."""
    return (
        np.cos(angle) * vector
        + np.sin(angle) * np.cross(axis, vector)
        + (1 - np.cos(angle)) * (axis * vector).sum() * axis
    )
