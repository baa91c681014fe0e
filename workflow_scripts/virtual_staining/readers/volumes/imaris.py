"""Raw volumes of Imaris, .ims: HDF5 whose chunks are padded and whose sizes are text."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.hdf5_data import find_dataset, open_hdf5_file
from virtual_staining.readers.sizes import known_size, number, unit_um
from virtual_staining.readers.source import READ_ERRORS, Source
from virtual_staining.readers.volumes.hdf5 import hdf5_source

TIMES = "/DataSet/ResolutionLevel 0"
FINEST = f"{TIMES}/TimePoint 0"


def open_imaris(path: Path, inside: str) -> Source:
    """Open a channel of an Imaris file of one time point at its finest level.

    Parameters
    ----------
    path : Path
        The file.
    inside : str
        Number of the channel, from 0; empty for the only one.

    Raises
    ------
    InputError
        If it is damaged, holds several channels of which none is named, or several time points.
    """
    file = open_hdf5_file(path)
    try:
        if len(file[TIMES]) > 1:
            raise InputError(
                f"{path}: holds {len(file[TIMES])} time points; a volume must be grey and 3D: "
                "export one of them"
            )
        channels = [name.removeprefix("Channel ") for name in file[FINEST]]
        if (inside or len(channels) > 1) and inside not in channels:
            raise InputError(
                f"{path}: holds the channels {', '.join(channels)}; write the volume as "
                f"{path.name}::number with one of them"
            )
        channel = f"{FINEST}/Channel {inside or channels[0]}"
        data = find_dataset(path, file, f"{channel}/Data")
        sizes, info = file[channel].attrs, file["DataSetInfo/Image"].attrs
        shape = tuple(int(_text(sizes, f"ImageSize{axis}")) for axis in "ZYX")
        size_um = _size_um(path, info, shape)
    except (*READ_ERRORS, TypeError, AttributeError) as error:
        raise InputError(f"{path}: cannot be read as Imaris ({error}); is it damaged?") from error
    stored = () if data is None else data.shape
    if len(stored) != len(shape) or any(s < n for s, n in zip(stored, shape, strict=True)):
        raise InputError(
            f"{path}: holds {' x '.join(map(str, stored)) or 'nothing'} of "
            f"{' x '.join(map(str, shape))} voxels; copy it again"
        )
    source = hdf5_source(str(path), data, (0, 1, 2), size_um)

    def read(z0: int, z1: int) -> np.ndarray:
        return np.ascontiguousarray(source.read(z0, z1)[:, : shape[1], : shape[2]])

    return replace(source, shape=shape, read=read)


def _text(attributes: Mapping[str, object], key: str) -> str:
    """Return an attribute that Imaris stores as an array of single characters."""
    return b"".join(np.ravel(np.asarray(attributes[key], "S1"))).decode("utf-8", "replace")


def _size_um(
    path: Path, info: h5py.AttributeManager, shape: tuple[int, ...]
) -> tuple[float, ...] | None:
    """Return the (z, y, x) voxel size from the extent of the image; Imaris counts in µm."""
    unit = unit_um(_text(info, "Unit")) if "Unit" in info else 1.0
    keys = [(f"ExtMin{axis}", f"ExtMax{axis}") for axis in (2, 1, 0)]
    if unit is None or not all(key in info for pair in keys for key in pair):
        return None
    extents = [number(_text(info, high)) - number(_text(info, low)) for low, high in keys]
    return known_size([unit * e / n for e, n in zip(extents, shape, strict=True)], str(path))


CONTAINER = Container(
    name="Imaris",
    suffixes=(".ims",),
    note="one channel at the finest level",
    open=open_imaris,
    inside="number",
)
