"""Convex bodies: hulls of voxels, joined where they overlap, with a margin, cut by a plane."""

import numpy as np
import shapely
from scipy.spatial import ConvexHull

from virtual_staining.imaging.geometry import PlaneGrid

# Half the edge of a voxel in the hulls, voxels: outermost voxels are half filled on average, and a
# plane must have some thickness.
CORNER_VOXELS = 0.05
# Directions in which a body's margin is added, a cube's corners, faces and edges.
_CUBE = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3), -1).reshape(-1, 3)
DIRECTIONS = np.array([way / np.linalg.norm(way) for way in _CUBE if way.any()])
DIRECTIONS_REACH = 0.93  # least extent of these directions' hull in any direction


def joined_corners(pieces: list[np.ndarray]) -> list[np.ndarray]:
    """Return the corners of pieces; of those whose hulls overlap, of all together.

    Parameters
    ----------
    pieces : list of ndarray of bool, shape (z, y, x)

    Returns
    -------
    list of ndarray, shape (n, 3)
        Points (z, y, x), voxels from the volume's corner.
    """
    found = [corners(piece, CORNER_VOXELS) for piece in pieces]
    number = 0
    while number < len(found):
        hull = ConvexHull(found[number])
        inside = [k for k, points in enumerate(found) if k != number and holds(hull, points).any()]
        if inside:
            other = inside[0]
            joined = np.concatenate([found[number], found[other]])
            found = [c for k, c in enumerate(found) if k not in (number, other)]
            found.insert(0, joined)
            number = 0
        else:
            found[number] = found[number][hull.vertices]
            number += 1
    return found


def corners(piece: np.ndarray, reach: float) -> np.ndarray:
    """Return points (z, y, x), voxels from the volume's corner, whose hull is that of a piece.

    Of each row of voxels, the first and the last count. A piece at a face of the volume reaches the
    face.

    Parameters
    ----------
    piece : ndarray of bool, shape (z, y, x)
    reach : float
        Half the edge of a voxel in the hull, voxels.
    """
    rows = piece.any(2)
    place = np.argwhere(rows)
    first = piece.argmax(2)[rows]
    last = piece.shape[2] - 1 - piece[:, :, ::-1].argmax(2)[rows]
    ends = np.concatenate([np.column_stack([place, first]), np.column_stack([place, last])])
    cube = _CUBE[np.abs(_CUBE).all(1)]
    last_voxel = np.array(piece.shape) - 1
    at_face = np.where(cube < 0, ends[:, None] == 0, ends[:, None] == last_voxel)
    return (ends[:, None] + 0.5 + cube * np.where(at_face, 0.5, reach)).reshape(-1, 3)


def holds(hull: ConvexHull, points: np.ndarray) -> np.ndarray:
    """Return which points (n, 3) lie in a hull, bool; at most some thousands are looked at.

    Parameters
    ----------
    hull : ConvexHull
    points : ndarray, shape (n, 3)
    """
    some = points[:: max(1, len(points) // 4000)]
    return (some @ hull.equations[:, :3].T + hull.equations[:, 3] <= 0).all(1)


def with_margin(points: np.ndarray, margin_um: float) -> ConvexHull:
    """Return the hull of points (z, y, x) with a margin, all in µm; its axes are x, y, z.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
    margin_um : float
        µm.
    """
    wide = points[:, None, ::-1] + margin_um / DIRECTIONS_REACH * DIRECTIONS
    return ConvexHull(wide.reshape(-1, 3))


def plane_outline(body: ConvexHull, grid: PlaneGrid) -> shapely.Polygon | None:
    """Return the outline of a body in a plane, µm on the plane; None where the plane misses it.

    Parameters
    ----------
    body : ConvexHull
        In volume µm (x, y, z).
    grid : PlaneGrid
    """
    frame = grid.to_volume
    height = (body.points - frame.origin_um) @ frame.normal
    edges = np.concatenate([body.simplices[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    a, b = edges[height[edges[:, 0]] * height[edges[:, 1]] < 0].T
    if a.size < 3:
        return None
    share = (height[a] / (height[a] - height[b]))[:, None]
    crossings = frame.to_slide(body.points[a] + share * (body.points[b] - body.points[a]))
    outline = shapely.MultiPoint(crossings).convex_hull
    return outline if outline.area > 0 else None
