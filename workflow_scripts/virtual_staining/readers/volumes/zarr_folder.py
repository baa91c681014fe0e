"""Raw volumes as Zarr arrays or OME-Zarr images (NGFF 0.4 and 0.5)."""

import logging
from pathlib import Path

import numpy as np
import zarr

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.source import READ_ERRORS, UNIT_UM, Source

log = logging.getLogger(__name__)

MARKERS = ("zarr.json", ".zarray", ".zgroup")
NGFF_UNITS = {"meter": "m", "millimeter": "mm", "micrometer": "µm", "nanometer": "nm"}


def is_zarr(path: Path) -> bool:
    """Say whether a path is the folder of a Zarr array or group."""
    return any((path / marker).is_file() for marker in MARKERS)


def open_zarr(folder: Path, inside: str) -> Source:
    """Open an array, or the finest level of an OME-Zarr image.

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
    try:
        node = zarr.open(str(folder), path=inside.strip("/"), mode="r")
        size_um = None
        if isinstance(node, zarr.Group):
            node, size_um = _finest(node, name)
    except READ_ERRORS as error:
        raise InputError(f"{name}: cannot be read as Zarr ({error}); is it damaged?") from error
    lead = node.ndim - 3
    if lead < 0 or any(n != 1 for n in node.shape[:lead]) or node.dtype.kind not in "uif":
        raise InputError(
            f"{name}: holds {' x '.join(map(str, node.shape))} {node.dtype}; a volume must be one "
            "grey (z, y, x) array of numbers"
        )
    stored, chunks = node.nchunks_initialized, node.nchunks
    if stored < chunks:  # what writers do with empty chunks, and what an unfinished copy looks like
        log.warning("%s: %d of %d chunks are not there; they count as %s", name, chunks - stored,
                    chunks, node.fill_value)  # fmt: skip

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            return node[(0,) * lead + (slice(z0, z1),)]
        except READ_ERRORS as error:
            raise InputError(f"{name}: planes {z0}–{z1 - 1} cannot be read ({error})") from error

    block = (node.shards or node.chunks)[lead]
    dtype = node.dtype.newbyteorder("=")
    return Source(name, node.shape[lead:], dtype, read, size_um, block)


def _finest(group: zarr.Group, name: str) -> tuple[zarr.Array, tuple[float, ...] | None]:
    """Return the first array of an OME-Zarr image and its (z, y, x) voxel size, µm."""
    attributes = group.attrs.asdict()
    multiscales = attributes.get("ome", attributes).get("multiscales")
    if not multiscales:
        arrays = [f"/{key} {' x '.join(map(str, a.shape))}" for key, a in group.arrays()]
        raise InputError(
            f"{name}: not an OME-Zarr image; write the volume as {Path(name).name}::/path with one "
            f"of: {'; '.join(arrays) or 'none (no arrays)'}"
        )
    image = multiscales[0]
    units = [NGFF_UNITS.get(axis.get("unit")) for axis in image["axes"]][-3:]
    dataset = image["datasets"][0]
    scale = dataset["coordinateTransformations"][0]["scale"][-3:]
    known = all(units)
    size = tuple(s * UNIT_UM[u] for s, u in zip(scale, units, strict=True)) if known else None
    return group[dataset["path"]], size


CONTAINER = Container(
    name="Zarr and OME-Zarr folder",
    suffixes=(),
    note="Zarr 2 and 3, NGFF 0.4 and 0.5 at the finest level; with a path inside for an array of "
    "a group",
    open=open_zarr,
    recognizes=is_zarr,
    inside="/path/in/folder",
)
