"""Raw volumes as Zarr arrays or OME-Zarr images (NGFF 0.1 to 0.5)."""

import logging
import math
from pathlib import Path

import numpy as np
import zarr

from virtual_staining.errors import InputError
from virtual_staining.readers.axes import ZYX, plane_reader, spatial_axes
from virtual_staining.readers.blosc_chunks import check_blosc_chunks
from virtual_staining.readers.bounds import check_chunks, check_held
from virtual_staining.readers.container import Container
from virtual_staining.readers.files import folder_bytes
from virtual_staining.readers.ngff import (
    axis_names,
    axis_sizes_um,
    finest_array,
    image_group,
    ngff_attributes,
)
from virtual_staining.readers.sizes import known_size
from virtual_staining.readers.source import METADATA_ERRORS, READ_ERRORS, Source

log = logging.getLogger(__name__)

MARKERS = ("zarr.json", ".zarray", ".zgroup")


def is_zarr(path: Path) -> bool:
    """Say whether a path is the folder of a Zarr array or group."""
    return any((path / marker).is_file() for marker in (*MARKERS, ".zattrs"))


def open_zarr(folder: Path, inside: str) -> Source:
    """Open an array, or the finest level of an OME-Zarr image.

    Axes are taken by their names, in whatever order they are stored.

    Parameters
    ----------
    folder : Path
        The Zarr folder.
    inside : str
        Path of an array or image inside it; empty for the folder itself.

    Raises
    ------
    InputError
        If there is no such array, or it is not one grey 3D volume.
    """
    name = f"{folder}::{inside}" if inside else str(folder)
    stored_bytes = folder_bytes(folder)  # before anything is opened: a pipe among the files
    try:
        node = zarr.open(str(folder), path=inside.strip("/"), mode="r")
        if isinstance(node, zarr.Group):
            array, names, sizes = _finest(node, name)
        else:
            array, names, sizes = node, _dimension_names(node), {}
    except METADATA_ERRORS as error:
        raise InputError(f"{name}: cannot be read as Zarr ({error}); is it damaged?") from error
    axes = spatial_axes(array.shape, names)
    if axes is None:
        held = " x ".join(map(str, array.shape))
        named = f" with the axes {', '.join(map(str, names))}" if names else ""
        raise InputError(
            f"{name}: holds {held} {array.dtype}{named}; a volume must be one grey (z, y, x) array "
            "of numbers"
        )
    if min(array.chunks) < 1:
        raise InputError(f"{name}: its chunks have {array.chunks} voxels; is it damaged?")
    check_held(name, array.shape, array.dtype.itemsize, stored_bytes)
    check_chunks(name, array.shape, array.chunks)
    stored, chunks = array.nchunks_initialized, array.nchunks
    if stored < chunks:  # what writers do with empty chunks, and what an unfinished copy looks like
        log.warning("%s: %d of %d chunks are not there; they count as %s", name, chunks - stored,
                    chunks, array.fill_value)  # fmt: skip
    planes = plane_reader(array, axes)

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            check_blosc_chunks(array, axes[0], z0, z1)
            return planes(z0, z1)
        except READ_ERRORS as error:
            raise InputError(f"{name}: planes {z0}–{z1 - 1} cannot be read ({error})") from error

    block = (array.shards or array.chunks)[axes[0]]
    size_um = known_size([sizes.get(axis) for axis in ZYX], name)
    shape = tuple(array.shape[axis] for axis in axes)
    return Source(
        name,
        shape,
        array.dtype,
        read,
        size_um,
        block,
        stored_bytes=stored_bytes,
        at_once_bytes=math.prod(array.chunks) * array.dtype.itemsize,
    )


def _finest(group: zarr.Group, name: str) -> tuple[zarr.Array, list[str], dict[str, float | None]]:
    """Return the finest array of an OME-Zarr image, its axes' names and sizes in µm."""
    group = image_group(group, name)
    images = ngff_attributes(group)["multiscales"]
    if len(images) > 1:
        log.warning("%s: its metadata describe %d images; the first is read", name, len(images))
    array, level = finest_array(group, images[0], name)
    return array, axis_names(images[0]), axis_sizes_um(images[0], level, name)


def _dimension_names(array: zarr.Array) -> list[str] | None:
    """Return the names of an array's axes, as Zarr 3 or xarray store them."""
    names = getattr(array.metadata, "dimension_names", None)
    return names or array.attrs.asdict().get("_ARRAY_DIMENSIONS")


CONTAINER = Container(
    name="Zarr and OME-Zarr folder",
    suffixes=(),
    note="Zarr 2 and 3, NGFF 0.1 to 0.5 at the finest level, axes in any order; the only image of "
    "a bioformats2raw folder; with a path inside for an array or image of a group",
    open=open_zarr,
    recognizes=is_zarr,
    inside="/path/in/folder",
)
