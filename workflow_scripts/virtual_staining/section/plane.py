"""Planes of a volume: from three points, or from a normal and a depth."""

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap

# the corners of a box, as 0 to 7 in binary (x, y, z), that an edge joins
EDGES = [(i, i + bit) for i in range(8) for bit in (1, 2, 4) if not i & bit]
FLAT = 1e-6  # sine of an angle below which directions count as the same


def frame_of_points(points_um: np.ndarray) -> SectionMap:
    """Return the plane through three volume points.

    Parameters
    ----------
    points_um : ndarray, shape (3, 3)
        Points (x, y, z), µm. The plane's x axis runs from the first to the second; the third lies
        on the side of its y axis.

    Raises
    ------
    InputError
        If the points lie on a line.
    """
    a, b, c = np.asarray(points_um, float)
    if np.linalg.norm(np.cross(b - a, c - a)) <= FLAT * np.linalg.norm(b - a) * np.linalg.norm(
        c - a
    ):
        raise InputError("section: --points: the three points lie on a line; give others")
    u = (b - a) / np.linalg.norm(b - a)
    v = (c - a) - np.dot(c - a, u) * u
    return SectionMap(a, u, v / np.linalg.norm(v))


def frame_of_normal(
    normal: np.ndarray, depth_um: float, volume_size_um: tuple[float, float, float]
) -> SectionMap:
    """Return the plane of a normal, at a distance from the middle of the volume.

    The plane's x axis is the volume's x axis, laid into the plane, or the volume's y axis where
    the normal points along x; ``u × v`` is the normal. The page ``volume.html`` counts the same.

    Parameters
    ----------
    normal : ndarray, shape (3,)
        Direction (x, y, z) of any length.
    depth_um : float
        Distance along the normal, µm.
    volume_size_um : (x, y, z)
        Edges of the volume, µm.

    Raises
    ------
    InputError
        If the normal has no length.
    """
    length = np.linalg.norm(normal)
    if not length > 0:
        raise InputError("section: --normal: needs a direction; 0 0 0 is none")
    n = np.asarray(normal, float) / length
    along = np.eye(3)[1 if abs(n[0]) > 0.9 else 0]
    u = along - np.dot(along, n) * n
    u /= np.linalg.norm(u)
    return SectionMap(np.asarray(volume_size_um) / 2 + depth_um * n, u, np.cross(n, u))


def grid_within(
    frame: SectionMap, volume_size_um: tuple[float, float, float], pixel_um: float
) -> PlaneGrid:
    """Return the pixels of a plane that cover its cut through the volume.

    Parameters
    ----------
    frame : SectionMap
        Any rigid map into the plane.
    volume_size_um : (x, y, z)
        Edges of the volume, whose outer corner is the origin, µm.
    pixel_um : float
        Pixel size, µm.

    Raises
    ------
    InputError
        If the plane misses the volume.
    """
    corners = _crossings(frame, np.asarray(volume_size_um, float))
    if len(corners) < 3:
        raise InputError("section: the plane misses the volume; choose points or a depth within it")
    points = frame.to_slide(corners)
    low, high = points.min(0), points.max(0)
    rows, columns = np.maximum(1, np.ceil((high - low)[::-1] / pixel_um - 1e-6).astype(int))
    middle, size = (low + high) / 2, np.array([columns, rows]) * pixel_um
    origin = frame.to_volume((middle - size / 2)[None])[0]
    return PlaneGrid((int(rows), int(columns)), pixel_um, SectionMap(origin, frame.u, frame.v))


def _crossings(frame: SectionMap, size: np.ndarray) -> np.ndarray:
    """Return the points (n, 3) in which a plane meets the edges of the box from 0 to ``size``."""
    box = np.stack(np.meshgrid(*((0.0, s) for s in size), indexing="ij"), -1).reshape(-1, 3)
    distance = (box - frame.origin_um) @ frame.normal
    found = [box[np.abs(distance) < 1e-6]]
    for i, j in EDGES:
        if distance[i] * distance[j] < 0:
            t = distance[i] / (distance[i] - distance[j])
            found.append((box[i] + t * (box[j] - box[i]))[None])
    return np.concatenate(found)
