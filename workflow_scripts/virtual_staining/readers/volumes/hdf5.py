"""Raw volumes in HDF5 and NeXus files."""

from pathlib import Path

import h5py
import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.source import READ_ERRORS, Source

SUFFIXES = (".h5", ".hdf5", ".hdf", ".nxs", ".nx5")


def is_hdf5(path: Path) -> bool:
    """Say whether a file is HDF5, by its name or its first bytes."""
    return path.is_file() and (path.name.lower().endswith(SUFFIXES) or h5py.is_hdf5(path))


def open_hdf5(path: Path, dataset: str) -> Source:
    """Open one dataset of an HDF5 file.

    Raises
    ------
    InputError
        If the file is damaged or the dataset is not one 3D array; lists those that are.
    """
    try:
        file = h5py.File(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read as HDF5 ({error}); is it damaged?") from error
    data = file.get(dataset) if dataset else None
    if not isinstance(data, h5py.Dataset) or data.ndim != 3 or data.dtype.kind not in "uif":
        found = []
        file.visititems(
            lambda key, item: (
                found.append(f"/{key} {item.shape} {item.dtype}")
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
        what = f"{dataset} is not a 3D dataset of numbers" if dataset else "no dataset is named"
        raise InputError(
            f"{path}: {what}; write the "
            f"volume as {path.name}::/path with one of: {'; '.join(found) or 'none (empty file)'}"
        )

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            return data[z0:z1]
        except READ_ERRORS as error:
            raise InputError(f"{path}: planes {z0}–{z1 - 1} cannot be read ({error})") from error

    block = data.chunks[0] if data.chunks else 1
    return Source(f"{path}::{dataset}", data.shape, data.dtype.newbyteorder("="), read, None, block)


CONTAINER = Container(
    name="HDF5 and NeXus",
    suffixes=SUFFIXES,
    note="one dataset, in chunks or not, compressed or not; also under other names",
    open=open_hdf5,
    recognizes=is_hdf5,
    inside="/path/in/file",
)
