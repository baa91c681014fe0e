"""Lengths of Blosc-compressed chunks of Zarr arrays.

Blosc believes the lengths at the beginning of a chunk; on a chunk that was cut off, the decoder
reads beyond its memory, and the process may die without a word.
"""

import itertools
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import zarr

HEADER = struct.Struct("<12xI")  # the length of a whole chunk behind 12 bytes
NO_CHUNK = 2**64 - 1  # in the index of a shard
CHECKSUM_BYTES = 4  # behind the index


def check_blosc_chunks(array: zarr.Array, axis: int, first: int, stop: int) -> None:
    """Refuse chunks whose length is not the one that stands in them.

    Parameters
    ----------
    array : zarr.Array
        Opened from a folder; arrays without Blosc pass.
    axis : int
        Along which a part is read.
    first, stop : int
        The part.

    Raises
    ------
    ValueError
        Naming the chunk.
    """
    blosc = any("blosc" in type(codec).__name__.lower() for codec in array.compressors)
    root = getattr(array.store, "root", None)
    if not blosc or root is None:
        return
    stored = array.shards or array.chunks
    counts = [range(-(-n // c)) for n, c in zip(array.shape, stored, strict=True)]
    counts[axis] = range(first // stored[axis], -(-stop // stored[axis]))
    in_shard = math.prod(s // c for s, c in zip(stored, array.chunks, strict=True))
    for place in itertools.product(*counts):
        key = array.metadata.encode_chunk_key(place)
        path = Path(root) / array.path / key
        if not path.is_file():
            continue  # an empty chunk
        with path.open("rb") as file:
            parts = _shard_parts(file, in_shard) if array.shards else [(0, path.stat().st_size)]
            for offset, length in parts:
                file.seek(offset)
                header = file.read(HEADER.size)
                if len(header) < HEADER.size or HEADER.unpack(header)[0] != length:
                    raise ValueError(f"its chunk {key} is not as long as it says")


def _shard_parts(file: BinaryIO, count: int) -> Iterator[tuple[int, int]]:
    """Yield offset and length of the chunks in a shard, from the index at its end."""
    file.seek(0, 2)
    at = file.tell() - 16 * count - CHECKSUM_BYTES
    if at < 0:
        raise ValueError("a shard is shorter than its index")
    file.seek(at)
    index = np.frombuffer(file.read(16 * count), "<u8").reshape(count, 2)
    for offset, length in index.tolist():
        if (offset, length) != (NO_CHUNK, NO_CHUNK):
            yield offset, length
