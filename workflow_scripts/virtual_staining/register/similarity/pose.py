"""Poses as flat vectors for the search, and their conversion to and from section maps.

A pose holds 12 numbers: the volume point of the slide's centre (3, µm), the orthonormal directions
of the pair's x and y (3 + 3), and the section's symmetric stretch ``scale_x, scale_y, shear``:
the map's columns are ``[u v] = [e1 e2] S`` with ``S = [[1 + scale_x, shear / 2], [shear / 2,
1 + scale_y]]``. This polar form gives neither slide axis a preference, and ``shear`` is the
change of the right angle between them in radians.
"""

import numba
import numpy as np

from virtual_staining.imaging.geometry import SectionMap

SIZE = 12
# degrees of freedom by their place in a step (see `moved`): three shifts, three rotations
RIGID = np.arange(6)
AFFINE = np.arange(9)  # and the stretch
PARALLEL = np.array([0, 1, 2, 5, 6, 7, 8])  # all that leave the plane's orientation


def from_map(section: SectionMap, size_um: tuple[float, float]) -> np.ndarray:
    """Split a map into centre, frame and stretch by polar decomposition.

    Parameters
    ----------
    section : SectionMap
        Slide µm to volume µm.
    size_um : (width, height)
        Size of the slide.

    Returns
    -------
    ndarray, shape (12,)
    """
    left, stretch, right = np.linalg.svd(np.stack([section.u, section.v], 1), full_matrices=False)
    frame = left @ right
    matrix = right.T @ np.diag(stretch) @ right
    center = section.to_volume(np.array([size_um]) / 2)[0]
    strain = [matrix[0, 0] - 1, matrix[1, 1] - 1, 2 * matrix[0, 1]]
    return np.concatenate([center, frame[:, 0], frame[:, 1], strain])


def to_map(pose: np.ndarray, size_um: tuple[float, float]) -> SectionMap:
    """Return the map slide µm → volume µm of a pose; ``size_um`` is the slide's (width, height)."""
    u, v = axes(pose)
    return SectionMap(pose[:3] - 0.5 * (size_um[0] * u + size_um[1] * v), u, v)


def frame_angle_deg(a: np.ndarray, b: np.ndarray) -> float:
    """Return the angle in degrees of the rotation between the frames of two poses."""
    return float(np.degrees(np.arccos(np.clip((np.trace(_frame(a).T @ _frame(b)) - 1) / 2, -1, 1))))


def _frame(pose: np.ndarray) -> np.ndarray:
    e1, e2 = pose[3:6], pose[6:9]
    return np.stack([e1, e2, np.cross(e1, e2)], 1)


def slide_points_um(poses: np.ndarray, size_um: tuple[float, float]) -> np.ndarray:
    """Return where poses (n, 12) put the slide's centre and corners, shape (n, 5, 3), µm."""
    half = 0.5 * poses[:, 11:]
    u = (1 + poses[:, 9:10]) * poses[:, 3:6] + half * poses[:, 6:9]
    v = half * poses[:, 3:6] + (1 + poses[:, 10:11]) * poses[:, 6:9]
    corners = np.array([[0, 0], [-1, -1], [1, -1], [-1, 1], [1, 1]]) * np.array(size_um) / 2
    offsets = corners[:, :1] * u[:, None] + corners[:, 1:] * v[:, None]
    return poses[:, None, :3] + offsets


def lever_um(size_um: tuple[float, float]) -> float:
    """Return the distance from the slide's centre at which turns are weighed against shifts."""
    return 0.35 * float(np.hypot(*size_um))


def distances_um(pose: np.ndarray, others: np.ndarray, size_um: tuple[float, float]) -> np.ndarray:
    """Return how far apart a pose (12,) and others (n, 12) put the slide, shape (n,), µm.

    Root mean square over the slide's centre and corners.
    """
    points = slide_points_um(np.vstack([pose, others]), size_um)
    return np.sqrt(((points[1:] - points[0]) ** 2).sum(2).mean(1))


def distinct(
    poses: np.ndarray, scores: np.ndarray, limit: int, apart_um: float, size_um: tuple[float, float]
) -> np.ndarray:
    """Return indices of the best poses, best first, none close to a better one.

    Parameters
    ----------
    poses : ndarray, shape (n, 12)
    scores : ndarray, shape (n,)
    limit : int
        Largest number returned.
    apart_um : float
        Two poses are close when they put the slide's corners and centre less than this apart
        (root mean square).
    size_um : (width, height)
        Size of the slide.
    """
    points = slide_points_um(poses, size_um).reshape(len(poses), -1)
    kept = np.empty(min(limit, len(poses)), int)
    taken = np.empty((len(kept), points.shape[1]))
    count = 0
    for index in np.argsort(-scores, kind="stable"):
        squares = ((taken[:count] - points[index]) ** 2).sum(1) / 5
        if (squares > apart_um**2).all():
            kept[count], taken[count] = index, points[index]
            count += 1
        if count == len(kept):
            break
    return kept[:count]


@numba.njit(cache=True)
def axes(pose):
    """Return the map's columns ``u`` and ``v`` of a pose, shapes (3,)."""
    e1, e2, half = pose[3:6], pose[6:9], 0.5 * pose[11]
    return (1 + pose[9]) * e1 + half * e2, half * e1 + (1 + pose[10]) * e2


@numba.njit(cache=True)
def moved(pose, step, radius_um):
    """Return a pose moved in its own frame.

    Parameters
    ----------
    pose : ndarray, shape (12,)
    step : ndarray, shape (9,)
        Shifts along e1, e2 and the normal, rotations about them, and changes of scale_x, scale_y
        and shear, each as the displacement in µm that it causes at ``radius_um`` from the centre.
    radius_um : float
    """
    e1, e2 = pose[3:6], pose[6:9]
    normal = np.cross(e1, e2)
    axis = (step[3] * e1 + step[4] * e2 + step[5] * normal) / radius_um
    angle = np.sqrt((axis**2).sum())
    out = np.empty(12)
    out[:3] = pose[:3] + step[0] * e1 + step[1] * e2 + step[2] * normal
    out[3:6], out[6:9] = e1, e2
    if angle > 0:
        axis = axis / angle
        for k in (3, 6):  # Rodrigues' formula
            e = pose[k : k + 3]
            out[k : k + 3] = (
                np.cos(angle) * e
                + np.sin(angle) * np.cross(axis, e)
                + (1 - np.cos(angle)) * (axis * e).sum() * axis
            )
    out[9:] = pose[9:] + step[6:] / radius_um
    return out
