"""Layers of a sharded Zarr array, compressed on all cores.

zarr's own sharding codec handles the chunks of a shard one after the other in Python, several
times slower than a disk. What is written here is the same format (Zarr v3 ``sharding_indexed``,
the index at the end, blosc inside) and is read back by zarr.

The codec pipeline of the package zarrs (0.2.3) is as fast where the shards divide the image, but
volumes seldom have such sizes: then it takes about twice the time, and more memory. Whole ingests
with their voxels kept, on two busy cores, here and with zarrs: 320 x 1024 x 1024 voxels in 9.6 and
9.9 s with 0.29 and 0.44 GB; 800 x 800 x 800 voxels in 6.9 s and 12.1 s with 0.28 and 0.47 GB, or in
13.8 s where the shards at the edge are filled up with zeros beforehand.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from itertools import product
from pathlib import Path

import google_crc32c
import numpy as np
from numcodecs.blosc import SHUFFLE, Blosc
from zarr.codecs import BloscCodec

# Noisy CT hardly shrinks whatever is tried (bitshuffle and zstd gain a tenth and cost two to eight
# times as much); what this still catches is empty space and images of few levels.
CODEC = Blosc("lz4", 1, SHUFFLE)
ZARR_CODEC = BloscCodec(cname="lz4", clevel=1, shuffle="shuffle")
EMPTY = 2**64 - 1  # marks a chunk that is not stored


def write_layer(
    shard_path: Callable[[int, int], Path],
    layer: np.ndarray,
    chunk: tuple[int, int, int],
    tiles: tuple[int, int],
    pool: Executor,
) -> None:
    """Write one layer of shards, one chunk thick.

    Parameters
    ----------
    shard_path : callable
        ``shard_path(y, x)`` is the file of the shard at that place of the shards' grid.
    layer : ndarray
        (c, z, y, x), c = 1 for arrays without channels; no thicker than a chunk. A chunk holds all
        channels.
    chunk : (int, int, int)
        (z, y, x) of a chunk; what reaches beyond the layer is stored as 0.
    tiles : (int, int)
        Chunks of a shard along y and x.
    pool : Executor
        Compresses; at most two shards wait in memory.
    """
    shard_y, shard_x = (side * n for side, n in zip(chunk[1:], tiles, strict=True))
    waiting: tuple = ()
    for y, x in product(range(0, layer.shape[2], shard_y), range(0, layer.shape[3], shard_x)):
        region = layer[:, :, y : y + shard_y, x : x + shard_x]
        path = shard_path(y // shard_y, x // shard_x)
        rows = [
            pool.submit(_encode_row, region[:, :, first : first + chunk[1]], chunk)
            for first in range(0, region.shape[2], chunk[1])
        ]
        if waiting:
            _write_shard(*waiting)
        waiting = (path, rows, tiles)
    _write_shard(*waiting)


def _encode_row(band: np.ndarray, chunk: tuple[int, int, int]) -> list[bytes]:
    """Compress the chunks side by side in a band (c, z, y, x)."""
    channels, depth, height, width = band.shape
    padded = np.zeros((channels, *chunk), band.dtype)
    encoded = []
    for x in range(0, width, chunk[2]):
        part = band[..., x : x + chunk[2]]
        if part.shape[3] < chunk[2]:
            padded[...] = 0
        padded[:, :depth, :height, : part.shape[3]] = part
        encoded.append(CODEC.encode(padded))
    return encoded


def _write_shard(path: Path, rows: list[Future], grid: tuple[int, int]) -> None:
    """Write chunks one after the other, then the index of (y, x) offsets and lengths."""
    index = np.full((*grid, 2), EMPTY, "<u8")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for row, future in enumerate(rows):
            for column, data in enumerate(future.result()):
                index[row, column] = file.tell(), len(data)
                file.write(data)
        file.write(index.tobytes())
        file.write(google_crc32c.value(index.tobytes()).to_bytes(4, "little"))
