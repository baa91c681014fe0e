"""The levels of a sharded Zarr pyramid, written layer by layer, each feeding the next."""

from concurrent.futures import Executor
from pathlib import Path
from typing import cast

import numpy as np
import zarr
from zarr.storage import LocalStore

from virtual_staining.artefacts.storage import shards
from virtual_staining.imaging.halving import halve_into

COARSEST_PX = 64  # the pyramid ends when its longest side is at most this
CHUNK_PX = 128
# Colours are looked at in any direction: their chunks are cubes, and hold all channels, without
# which viewers cannot mix them.
COLOUR_CHUNK_PX = 64
SHARD_PX = 1024
LAYER_BYTES = 128 * 2**20  # aim for one layer of shards in memory
COLOUR_LAYER_BYTES = 512 * 2**20


class LevelWriter:
    """Collects planes into layers as thick as a chunk, writes them, and feeds the next level.

    Parameters
    ----------
    array : zarr.Array
        Sharded array of this level, (z, y, x) or (c, z, y, x).
    coarser : LevelWriter or None
        Writer of the next level, which gets the halved layers; None at the coarsest.
    pool : Executor
        Averages and compresses.
    """

    def __init__(self, array: zarr.Array, coarser: "LevelWriter | None", pool: Executor):
        self.coarser, self.pool = coarser, pool
        self.folder = Path(cast(LocalStore, array.store).root) / array.path / "c"
        self.lead = array.ndim - 3
        depth, height, width = array.chunks[-3:]
        self.chunk = depth, height, width
        shard_height, shard_width = (array.shards or array.chunks)[-2:]
        self.tiles = shard_height // height, shard_width // width
        channels = array.shape[0] if self.lead else 1
        self.buffer = np.empty((channels, self.chunk[0], *array.shape[-2:]), array.dtype)
        self.filled = self.layers = 0

    def push(self, slab: np.ndarray) -> None:
        """Add the next planes, (c, dz, y, x); whole layers are written without a copy."""
        depth = self.chunk[0]
        while slab.shape[1]:
            if self.filled == 0 and slab.shape[1] >= depth:
                self._write(slab[:, :depth])
                slab = slab[:, depth:]
                continue
            n = min(slab.shape[1], depth - self.filled)
            self.next_planes(n)[...] = slab[:, :n]
            self.count(n)
            slab = slab[:, n:]

    def next_planes(self, n: int) -> np.ndarray:
        """Return the part of the buffer for the next ``n`` planes, to be filled."""
        return self.buffer[:, self.filled : self.filled + n]

    def count(self, n: int) -> None:
        """Count ``n`` planes that were filled, and write the buffer once it is full."""
        self.filled += n
        if self.filled == self.chunk[0]:
            self.filled = 0
            self._write(self.buffer)

    def _write(self, layer: np.ndarray) -> None:
        if self.coarser is not None:
            n = -(-layer.shape[1] // 2)
            halve_into(layer, self.coarser.next_planes(n), self.pool)
        shards.write_layer(self._shard_path, layer, self.chunk, self.tiles, self.pool)
        self.layers += 1
        if self.coarser is not None:
            self.coarser.count(n)

    def _shard_path(self, y: int, x: int) -> Path:
        return self.folder.joinpath(*["0"] * self.lead, str(self.layers), str(y), str(x))

    def finish(self) -> None:
        """Write the planes that are left in the buffers of this and all coarser levels."""
        if self.filled:
            layer, self.filled = self.buffer[:, : self.filled], 0
            self._write(layer)
        if self.coarser is not None:
            self.coarser.finish()


def chunk_size(shape: tuple[int, ...], itemsize: int) -> tuple[int, int, int]:
    """Return the (z, y, x) of the chunks of a volume of this shape, (z, y, x) or with c.

    Chunks are as thick as one layer in memory allows, 8 to 32 planes; those with channels 16 to 64.
    """
    colours = len(shape) > 3
    side, room = (COLOUR_CHUNK_PX, COLOUR_LAYER_BYTES) if colours else (CHUNK_PX, LAYER_BYTES)
    plane_bytes = itemsize * int(np.prod(shape)) // shape[-3]
    thinnest, thickest = (4, 6) if colours else (3, 5)
    depth = 2 ** int(np.clip(np.log2(max(room // plane_bytes, 1)), thinnest, thickest))
    return depth, side, side


def create_levels(
    group: zarr.Group, shape: tuple[int, ...], dtype: np.dtype, pool: Executor
) -> list[LevelWriter]:
    """Create the arrays of all levels, return their writers, finest first."""
    lead, spatial = shape[:-3], shape[-3:]
    largest = chunk_size(shape, dtype.itemsize)
    side = largest[-1]
    arrays: list[zarr.Array] = []
    while True:
        chunk = tuple(min(n, c) for n, c in zip(spatial, largest, strict=True))
        tiles = [min(-(-n // side), SHARD_PX // side) for n in spatial[1:]]
        shard = (chunk[0], *(c * t for c, t in zip(chunk[1:], tiles, strict=True)))
        array = group.create_array(
            str(len(arrays)),
            shape=(*lead, *spatial),
            chunks=(*lead, *chunk),
            shards=(*lead, *shard),
            dtype=dtype,
            compressors=shards.ZARR_CODEC,
            dimension_names=["c", "z", "y", "x"][-len(shape) :],
        )
        arrays.append(array)
        if max(spatial) <= COARSEST_PX:
            break
        spatial = tuple(-(-n // 2) for n in spatial)
    writers: list[LevelWriter] = []
    for array in reversed(arrays):
        writers.insert(0, LevelWriter(array, writers[0] if writers else None, pool))
    return writers
