"""Conversion of a raw volume to OME-Zarr, slab by slab."""

import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import tee
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.storage.pyramid import chunk_size
from virtual_staining.artefacts.volume import write_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.ingest.grey_map import fixed_grey_map, measured_grey_map
from virtual_staining.ingest.no_data import WHOLE, NoData, volume_fill
from virtual_staining.ingest.resample import gaussian_matrix, output_length, resample_stream
from virtual_staining.progress import progress
from virtual_staining.readers.bounds import check_disk
from virtual_staining.readers.plausible import check_volume_size
from virtual_staining.readers.source import Source
from virtual_staining.settings.ingest import IngestSettings

log = logging.getLogger(__name__)

BLOCK_BYTES = 64 * 2**20  # aim for blocks of this size
# Blocks stay below this however thick the chunks of the source are; two blocks are in memory.
LARGEST_BLOCK_BYTES = 384 * 2**20
PYRAMID = 8 / 7  # all levels, each an eighth of the one before, against the finest


def ingest_volume(
    source: Source,
    voxel_size_um: tuple[float, float, float],
    settings: IngestSettings,
    out: str | Path,
    threads: int,
) -> None:
    """Resample a raw volume to isotropic uint16 and write its pyramid.

    Parameters
    ----------
    source : Source
        The opened volume.
    voxel_size_um : (z, y, x)
        Its voxel size, µm.
    settings : IngestSettings
        Working voxel size and float percentiles.
    out : path
        OME-Zarr folder; appears only when complete. Its ``virtual_staining`` attributes hold the
        source, its shape, type and voxel size, and ``intensity`` {scale, offset} of
        ``stored = scale * raw + offset``.
    threads : int
        Cores used.

    Raises
    ------
    InputError
        If the voxels are much coarser than the working size, if the volume's size cannot be meant,
        if a value inside the field is not finite, or if all voxels are equal.
    """
    target = settings.voxel_size_um
    check_volume_size(source.name, source.shape, voxel_size_um, target)
    axes = list(zip(source.shape, voxel_size_um, strict=True))
    shape = tuple(output_length(n, s, target) for n, s in axes)
    check_disk(source.name, out, PYRAMID * 2 * math.prod(shape))
    no_data = NoData(volume_fill(source), source.name)
    grey_map = fixed_grey_map(source.dtype) or measured_grey_map(
        _closed(_blocks(source, "measuring"), no_data, threads),
        source.shape,
        settings.float_percentiles,
        source.name,
    )
    matrices = [gaussian_matrix(n, s, target) for n, s in axes]
    log.info("%s: %s %s to %s at %g µm", source.name, source.shape, source.dtype, shape, target)
    blocks = _not_constant(source, matrices == [None] * 3)
    measured = None
    if no_data:
        blocks, measured = _both(_closed(blocks, no_data, threads), matrices, threads)
    slabs = resample_stream(blocks, *matrices, threads)
    attributes = {
        "source": _without_folder(source.name),
        "source_shape": [int(n) for n in source.shape],
        "source_dtype": str(source.dtype),
        "source_voxel_size_um": list(voxel_size_um),
        "intensity": {"scale": grey_map.scale, "offset": grey_map.offset},
        "no_data_values": [str(fill.value) for fill in no_data.fills],
    }
    with ThreadPoolExecutor(threads) as pool:
        mapped = (grey_map.apply(slab, pool) for slab in slabs)
        write_volume_pyramid(
            out, mapped, target, shape, np.uint16, attributes, threads=threads, measured=measured
        )


def _without_folder(name: str) -> str:
    """Return a volume's name without the folder that it lies in on this machine."""
    path, separator, inside = name.partition("::")
    return f"{Path(path).name}{separator}{inside}"


def _block_planes(source: Source, whole: bool) -> int:
    """Return the number of planes of a block; ``whole`` if the voxels keep their size."""
    n, height, width = source.shape
    mapped_bytes = 0 if source.dtype == np.uint16 else 2  # of the copy that other types need
    plane_bytes = height * width * (source.dtype.itemsize + mapped_bytes)
    planes = max(1, BLOCK_BYTES // plane_bytes)
    # Blocks as thick as the layers that are written pass through without a copy.
    align = math.lcm(source.block, min(n, chunk_size(source.shape, 2)[0]) if whole else 1)
    planes = -(-planes // align) * align
    # Better to decode the chunks of a wide volume more than once than to run out of memory.
    return min(planes, max(1, LARGEST_BLOCK_BYTES // plane_bytes))


def _blocks(source: Source, task: str, whole: bool = False) -> Iterator[np.ndarray]:
    """Yield consecutive blocks of planes; the next is read while the caller works on a block."""
    n, planes = source.shape[0], _block_planes(source, whole)
    starts = range(0, n, planes)
    with ThreadPoolExecutor(1) as reader, progress(n, task, "plane", log) as advance:
        coming = reader.submit(source.read, 0, min(planes, n))
        for start in starts:
            block = coming.result()
            if start + planes < n:
                coming = reader.submit(source.read, start + planes, min(start + 2 * planes, n))
            yield block
            advance(len(block))


def _closed(
    blocks: Iterator[np.ndarray], no_data: NoData, threads: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield blocks whose gaps are closed, each with where it was measured."""
    z = 0
    with ThreadPoolExecutor(threads) as pool:
        for block in blocks:
            yield no_data.closed(block, z, pool)
            z += len(block)


def _both(
    pairs: Iterator[tuple[np.ndarray, np.ndarray]], matrices: list, threads: int
) -> tuple[Iterator[np.ndarray], Iterator[np.ndarray]]:
    """Split blocks from where they were measured, which is resampled; both are read in step.

    A resampled voxel counts as measured where all voxels that it was calculated from were.
    """
    left, right = tee(pairs)
    whole = resample_stream((measured for _, measured in right), *matrices, threads)
    return (block for block, _ in left), ((part >= WHOLE).astype(np.uint8) for part in whole)


def _not_constant(source: Source, whole: bool) -> Iterator[np.ndarray]:
    """Yield the blocks of a volume; after the last, refuse a volume of equal voxels."""
    value, constant = None, True
    for block in _blocks(source, "ingesting", whole):
        if constant:
            value = block.flat[0] if value is None else value
            constant = bool((block == value).all())
        yield block
    if constant:
        raise InputError(f"{source.name}: every voxel is {value}; the file holds no image")
