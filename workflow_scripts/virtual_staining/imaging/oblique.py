"""Oblique planes cut out of large chunked volumes: only the chunks that a plane crosses are read.

:mod:`virtual_staining.imaging.ct_plane` samples the same planes for the training pairs. It reads
bounding boxes, which is quick for planes near the volume's own slices; here a plane of any tilt
through a volume of any size is cut, with channels.
"""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np

from virtual_staining.imaging.ct_plane import thickness_offsets
from virtual_staining.imaging.geometry import PlaneGrid
from virtual_staining.imaging.trilinear import between, neighbour

TILE_PX = 512  # bounds the chunks that are in memory at once
BAND_ROWS = 32  # rows that one thread gathers at a time
WHOLE_CHUNK = 64  # taken as chunk of arrays without chunks


def cut_plane(
    array, voxel_um: float, grid: PlaneGrid, thickness_um: float = 0.0, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Sample a plane of a volume, averaged through a thickness along its normal.

    Interpolation is trilinear, as in :func:`virtual_staining.imaging.ct_plane.ct_plane`.

    Parameters
    ----------
    array : zarr.Array or ndarray, shape (z, y, x) or (c, z, y, x), uint8 or uint16
        Only the chunks that the plane crosses are read, each once for a tile of the plane.
    voxel_um : float
        Voxel size, µm.
    grid : PlaneGrid
        The pixels.
    thickness_um : float
        Thickness to average through, µm; 0 for a single plane.
    threads : int
        Threads that read chunks and gather voxels.

    Returns
    -------
    image : ndarray of the array's dtype, shape (height, width) or (height, width, c)
        0 outside the volume.
    inside : ndarray of bool, shape (height, width)
        Where the plane, or a part of its thickness, lies in the volume.
    """
    channels = array.shape[0] if array.ndim == 4 else 1
    shape = np.array(array.shape[-3:])
    start, down, right, normal = _in_voxels(grid, voxel_um)
    shifts = thickness_offsets(thickness_um, voxel_um)[:, None] / voxel_um * normal
    image = np.zeros((*grid.shape, channels), array.dtype)
    inside = np.zeros(grid.shape, np.bool_)
    with ThreadPoolExecutor(threads) as pool:
        blocks = _Blocks(array, pool)
        for top in range(0, grid.shape[0], TILE_PX):
            for left in range(0, grid.shape[1], TILE_PX):
                tile = slice(top, top + TILE_PX), slice(left, left + TILE_PX)
                corner = start + top * down + left * right
                place = corner, down, right, shifts, shape, blocks.chunk
                needed = np.zeros(blocks.slots.shape, np.bool_)
                _mark(needed, inside[tile].shape, place)
                blocks.hold(needed)
                jobs = [
                    pool.submit(
                        _gather, image[tile], inside[tile], row, blocks.pool, blocks.slots, place
                    )
                    for row in range(0, inside[tile].shape[0], BAND_ROWS)
                ]
                for job in jobs:
                    job.result()
    return (image if array.ndim == 4 else image[..., 0]), inside


def _in_voxels(grid: PlaneGrid, voxel_um: float) -> list[np.ndarray]:
    """Return (z, y, x) voxel index of pixel (0, 0), the steps of a row and a column, the normal."""
    place, step = grid.to_volume, grid.pixel_um
    first = place.to_volume(np.array([[step / 2, step / 2]]))[0]
    start = first[::-1] / voxel_um - 0.5
    steps = [np.asarray(v)[::-1] * (step / voxel_um) for v in (place.v, place.u)]
    return [np.ascontiguousarray(v, float) for v in (start, *steps, place.normal[::-1])]


class _Blocks:
    """The chunks of an array that are in memory.

    ``slots`` (grid of the chunks, z, y, x) says where in ``pool`` (n, c, z, y, x) a chunk lies, or
    is -1.
    """

    def __init__(self, array, threads: ThreadPoolExecutor):
        self.array, self.threads, shape = array, threads, np.array(array.shape[-3:])
        chunks = getattr(array, "chunks", None)
        self.chunk = np.minimum(chunks[-3:] if chunks else WHOLE_CHUNK, shape)
        self.slots = np.full(-(-shape // self.chunk), -1, np.int32)
        channels = array.shape[0] if array.ndim == 4 else 1
        self.pool = np.empty((0, channels, *self.chunk), array.dtype)

    def hold(self, needed: np.ndarray) -> None:
        """Read the chunks that are needed (bool, the grid's shape) and not there; drop others."""
        self.slots[~needed] = -1
        missing = np.argwhere(needed & (self.slots < 0))
        free = np.setdiff1d(np.arange(len(self.pool)), self.slots)
        if len(missing) > len(free):
            grown = np.empty(
                (len(self.pool) + len(missing) - len(free), *self.pool.shape[1:]), self.pool.dtype
            )
            grown[: len(self.pool)] = self.pool
            free = np.concatenate([free, np.arange(len(self.pool), len(grown))])
            self.pool = grown
        list(self.threads.map(self._read, missing, free))
        self.slots[tuple(missing.T)] = free[: len(missing)]

    def _read(self, place: np.ndarray, slot: int) -> None:
        """Read the chunk at a place of the grid into the pool."""
        first = place * self.chunk
        part = np.asarray(
            self.array[(..., *(slice(a, a + n) for a, n in zip(first, self.chunk, strict=True)))]
        )
        depth, height, width = part.shape[-3:]
        self.pool[slot, :, :depth, :height, :width] = part


@numba.njit(cache=True, nogil=True)
def _mark(needed, size, place):
    """Mark the chunks whose voxels the pixels of a tile of a size are interpolated from."""
    height, width = size
    corner, down, right, shifts, shape, chunk = place
    low, high = np.zeros(3, np.int64), np.zeros(3, np.int64)
    for row in range(height):
        for column in range(width):
            for k in range(len(shifts)):
                within = True
                for a in range(3):
                    p = corner[a] + row * down[a] + column * right[a] + shifts[k, a]
                    within = within and -0.5 <= p <= shape[a] - 0.5
                    first, last, _ = between(p, shape[a])
                    low[a], high[a] = first // chunk[a], last // chunk[a]
                if within:
                    for z in range(low[0], high[0] + 1):
                        for y in range(low[1], high[1] + 1):
                            for x in range(low[2], high[2] + 1):
                                needed[z, y, x] = True


@numba.njit(cache=True, nogil=True)
def _gather(image, inside, first, pool, slots, place):
    """Fill some rows of a tile (height, width, c) with the means of trilinear samples."""
    corner, down, right, shifts, shape, chunk = place
    height, width, channels = image.shape
    total = np.zeros(channels)
    low, high, weight = np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros(3)
    for row in range(first, min(first + BAND_ROWS, height)):
        for column in range(width):
            total[:] = 0.0
            samples = 0
            for k in range(len(shifts)):
                within = True
                for a in range(3):
                    p = corner[a] + row * down[a] + column * right[a] + shifts[k, a]
                    within = within and -0.5 <= p <= shape[a] - 0.5
                    low[a], high[a], weight[a] = between(p, shape[a])
                if not within:
                    continue
                samples += 1
                for n in range(8):
                    z, y, x, share = neighbour(n, low, high, weight)
                    if share == 0.0:
                        continue
                    cz, cy, cx = z // chunk[0], y // chunk[1], x // chunk[2]
                    slot = slots[cz, cy, cx]
                    z, y, x = z - cz * chunk[0], y - cy * chunk[1], x - cx * chunk[2]
                    for c in range(channels):
                        total[c] += share * pool[slot, c, z, y, x]
            if samples:
                inside[row, column] = True
                for c in range(channels):
                    image[row, column, c] = int(total[c] / samples + 0.5)
