"""Trilinear samples of a volume on a grid that is turned against the volume's own.

Planes parallel to a section are one such grid in the CT; the CT's voxels are another one in the
stained planes. Both are sampled tile by tile, and only the bounding box of a tile is read.
"""

from dataclasses import dataclass

import numba
import numpy as np

from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.trilinear import between, neighbour

TILE_PX = 256  # side of the tiles that are sampled at a time
NOTHING = -1  # no voxel has this value
CLOSE = 1e-6  # of a voxel; coordinates that differ by less are the same


@dataclass(frozen=True)
class TurnedGrid:
    """Points at equal distances along three axes, in voxel indices (z, y, x) of an array.

    Parameters
    ----------
    shape : (n, h, w)
        Points along each axis of the grid.
    first : ndarray, shape (3,)
        Place of the first point.
    steps : ndarray, shape (3, 3)
        Steps to the next point along each axis of the grid, one in a row.
    """

    shape: tuple[int, int, int]
    first: np.ndarray
    steps: np.ndarray

    def part(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> "TurnedGrid":
        """Return the points from ``start`` to before ``stop``."""
        n, h, w = (b - a for a, b in zip(start, stop, strict=True))
        return TurnedGrid((n, h, w), self.first + np.asarray(start) @ self.steps, self.steps)

    def points(self) -> np.ndarray:
        """Return the places of all points, shape (n, h, w, 3)."""
        return np.moveaxis(np.indices(self.shape), 0, -1) @ self.steps + self.first

    def seen_from(self, shape: tuple[int, int, int]) -> "TurnedGrid":
        """Return the voxels of an array of this shape as points in indices of this grid."""
        back = np.linalg.inv(self.steps)
        return TurnedGrid(shape, -self.first @ back, back)


def planes_across(frame: SectionMap, voxel_um: float, shape: tuple[int, int, int]) -> TurnedGrid:
    """Return the planes parallel to a section that fill a volume, one voxel apart.

    The points of a plane are one voxel apart as well. The section itself is one of the planes, and
    the outer corner of its first pixel that of a pixel.

    Parameters
    ----------
    frame : SectionMap
        µm on the section to µm in the volume.
    voxel_um : float
        Voxel size, µm.
    shape : (z, y, x)
        Of the volume; each of its voxels lies between eight points of the grid.

    Returns
    -------
    TurnedGrid
        Plane, row and column, in voxel indices of the volume.
    """
    u = frame.u / np.linalg.norm(frame.u)
    v = frame.v - np.dot(frame.v, u) * u
    v /= np.linalg.norm(v)
    steps = np.stack([np.cross(u, v), v, u])[:, ::-1]  # of a plane, a row, a column, in (z, y, x)
    middle = frame.origin_um[::-1] / voxel_um - 0.5 + (steps[1] + steps[2]) / 2
    box = np.stack(np.meshgrid(*((0, n - 1) for n in shape), indexing="ij"), -1).reshape(-1, 3)
    places = (box - middle) @ steps.T  # the inverse of a rotation is its transpose
    low = np.floor(places.min(0) + CLOSE).astype(int)
    n, h, w = (int(a) for a in np.ceil(places.max(0) - CLOSE).astype(int) - low + 1)
    return TurnedGrid((n, h, w), middle + low @ steps, steps)


def sample(
    array, grid: TurnedGrid, shifts: np.ndarray | None = None, empty: int = NOTHING
) -> np.ndarray:
    """Sample an array on a grid; trilinear, as :func:`virtual_staining.imaging.ct_plane.ct_plane`.

    Parameters
    ----------
    array : array_like, shape (c, z, y, x)
        Is only sliced, so it may be a Zarr array.
    grid : TurnedGrid
        The points.
    shifts : ndarray, shape (m, 3), optional
        Places around a point, relative to it, whose mean is taken; default: the point alone.
    empty : int, optional
        Value that all channels of a voxel have which holds nothing. The neighbours of a point that
        hold nothing do not count.

    Returns
    -------
    ndarray, float32, shape (c, n, h, w)
        Points outside the array take the value of its nearest voxel. ``empty`` where none of the
        neighbours holds anything.
    """
    shifts = np.zeros((1, 3)) if shifts is None else shifts
    out = np.empty((array.shape[0], *grid.shape), np.float32)
    depth, height, width = grid.shape
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            bottom, right = min(top + TILE_PX, height), min(left + TILE_PX, width)
            tile = grid.part((0, top, left), (depth, bottom, right))
            low, high = _box(tile, shifts, array.shape[1:])
            place = (slice(None), *(slice(a, b) for a, b in zip(low, high, strict=True)))
            block = np.ascontiguousarray(array[place])
            part = out[:, :, top:bottom, left:right]
            _gather(block, tile.first - low, tile.steps, shifts, empty, part)
    return out


def _box(grid: TurnedGrid, shifts: np.ndarray, shape) -> tuple[np.ndarray, np.ndarray]:
    """Return the first voxel, and that behind the last, from which a grid is interpolated."""
    ends = [(0, n - 1) for n in grid.shape]
    corners = np.stack(np.meshgrid(*ends, indexing="ij"), -1).reshape(-1, 3) @ grid.steps
    places = corners + grid.first
    last = np.array(shape) - 1
    low = np.floor(np.clip(places.min(0) + shifts.min(0), 0, last)).astype(int)
    high = np.ceil(np.clip(places.max(0) + shifts.max(0), 0, last)).astype(int)
    return low, high + 1


@numba.njit(cache=True, nogil=True)
def _gather(block, first, steps, shifts, empty, out):
    """Fill ``out`` (c, n, h, w) with means of trilinear samples of ``block`` (c, z, y, x)."""
    channels, depth, height, width = out.shape
    low, high, weight = np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros(3)
    total = np.zeros(channels)
    for k in range(depth):
        for j in range(height):
            for i in range(width):
                total[:] = 0.0
                counted = 0.0
                for m in range(len(shifts)):
                    for a in range(3):
                        p = first[a] + k * steps[0, a] + j * steps[1, a] + i * steps[2, a]
                        p += shifts[m, a]
                        low[a], high[a], weight[a] = between(p, block.shape[a + 1])
                    if empty == NOTHING:
                        counted += 1.0
                        for c in range(channels):
                            near = _between(block[c, low[0]], low, high, weight)
                            far = _between(block[c, high[0]], low, high, weight)
                            total[c] += (1.0 - weight[0]) * near + weight[0] * far
                    else:
                        counted += _add_full(block, empty, low, high, weight, total)
                for c in range(channels):
                    out[c, k, j, i] = total[c] / counted if counted > CLOSE else empty


@numba.njit(cache=True, nogil=True)
def _between(plane, low, high, weight):
    """Interpolate between four voxels of a slice."""
    before = (1.0 - weight[2]) * plane[low[1], low[2]] + weight[2] * plane[low[1], high[2]]
    behind = (1.0 - weight[2]) * plane[high[1], low[2]] + weight[2] * plane[high[1], high[2]]
    return (1.0 - weight[1]) * before + weight[1] * behind


@numba.njit(cache=True, nogil=True)
def _add_full(block, empty, low, high, weight, total):
    """Add the shares of those of eight voxels that hold something; return the sum of shares."""
    counted = 0.0
    for n in range(8):
        z, y, x, share = neighbour(n, low, high, weight)
        holds = False
        for c in range(len(total)):
            holds = holds or block[c, z, y, x] != empty
        if holds:
            counted += share
            for c in range(len(total)):
                total[c] += share * block[c, z, y, x]
    return counted
