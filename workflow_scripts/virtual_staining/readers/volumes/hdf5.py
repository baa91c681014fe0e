"""Raw volumes in HDF5 and NeXus files."""

import json
import logging
import math
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.axes import ZYX, plane_reader, spatial_axes
from virtual_staining.readers.bounds import check_chunks
from virtual_staining.readers.container import Container
from virtual_staining.readers.hdf5_data import all_datasets, find_dataset, open_hdf5_file
from virtual_staining.readers.sizes import known_size, number, unit_um
from virtual_staining.readers.source import READ_ERRORS, Source

log = logging.getLogger(__name__)

SUFFIXES = (".h5", ".hdf5", ".hdf", ".nxs", ".nx5")
OTHERS = (".ims",)  # HDF5 with a container of its own
BIGDATAVIEWER = re.compile(r"/?t\d+/s(\d+)/(\d+)/cells/?")


def is_hdf5(path: Path) -> bool:
    """Say whether a file is HDF5, by its name or its first bytes."""
    name = path.name.lower()
    if not path.is_file() or name.endswith(OTHERS):
        return False
    return name.endswith(SUFFIXES) or h5py.is_hdf5(path)


def open_hdf5(path: Path, dataset: str) -> Source:
    """Open one dataset of an HDF5 file.

    Raises
    ------
    InputError
        If the file is damaged or the dataset is not one 3D array; lists those that are.
    """
    file = open_hdf5_file(path)
    data = find_dataset(path, file, dataset) if dataset else None
    axes = None if data is None or not data.shape else spatial_axes(data.shape, _axis_names(data))
    if axes is None or data.dtype.kind not in "uifb":
        found = [f"{key} {item.shape} {item.dtype}" for key, item in all_datasets(file)]
        what = f"{dataset} is not a 3D dataset of numbers" if dataset else "no dataset is named"
        raise InputError(
            f"{path}: {what}; write the "
            f"volume as {path.name}::/path with one of: {'; '.join(found) or 'none (empty file)'}"
        )
    size_um = _size_um(path, dataset, data)
    source = hdf5_source(f"{path}::{dataset}", data, axes, size_um)
    if BIGDATAVIEWER.fullmatch(dataset) and data.dtype.str[1:] == "i2":
        return _unsigned(source)
    return source


def hdf5_source(
    name: str,
    data: h5py.Dataset,
    axes: tuple[int, int, int],
    size_um: tuple[float, ...] | None,
) -> Source:
    """Return a dataset as raw volume.

    Parameters
    ----------
    name : str
        The file and the dataset, for messages.
    data : h5py.Dataset
        Any number of dimensions.
    axes : (int, int, int)
        Which of them are z, y and x.
    size_um : (float, float, float) or None
        Voxel size (z, y, x), µm.
    """
    planes = plane_reader(data, axes)

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            return planes(z0, z1)
        except READ_ERRORS as error:
            raise InputError(f"{name}: planes {z0}–{z1 - 1} cannot be read ({error})") from error

    if data.chunks:
        check_chunks(name, data.shape, data.chunks)
    shape = tuple(data.shape[axis] for axis in axes)
    block = data.chunks[axes[0]] if data.chunks else 1
    elsewhere = data.is_virtual or data.external
    stored = -1 if elsewhere else data.id.get_storage_size()
    return Source(
        name,
        shape,
        data.dtype,
        read,
        size_um,
        block,
        stored_bytes=stored or 1,  # a dataset of which nothing was written
        at_once_bytes=math.prod(data.chunks or ()) * data.dtype.itemsize,
    )


def _unsigned(source: Source) -> Source:
    """Return int16 as uint16 of the same bits: so BigDataViewer stores values above 32767."""
    log.info("%s: int16 that means uint16, as BigDataViewer writes it", source.name)

    def read(z0: int, z1: int) -> np.ndarray:
        values = source.read(z0, z1)
        return values.view(values.dtype.str.replace("i", "u"))

    return replace(source, dtype=np.dtype("u2"), read=read)


def _axis_names(data: h5py.Dataset) -> list[str] | None:
    """Return the axes' names: vigra's and ilastik's axistags, or HDF5's dimension labels."""
    try:
        tags = json.loads(data.attrs["axistags"])["axes"]
        return [tag["key"] for tag in tags]
    except (KeyError, TypeError, ValueError):
        labels = [dimension.label for dimension in data.dims]
        return labels if any(labels) else None


def _size_um(path: Path, dataset: str, data: h5py.Dataset) -> tuple[float, ...] | None:
    """Return the (z, y, x) voxel size: ``element_size_um`` of Fiji, or BigDataViewer's XML."""
    if "element_size_um" in data.attrs:
        sizes = _numbers(data.attrs["element_size_um"])
        return known_size(sizes, str(path)) if len(sizes) == len(ZYX) else None
    setup = BIGDATAVIEWER.fullmatch(dataset)
    xml = path.with_suffix(".xml")
    if not setup or not xml.is_file():
        return None
    try:
        views = ElementTree.parse(xml).findall(".//ViewSetup")
        ids = [int(view.findtext("id", str(number))) for number, view in enumerate(views)]
        view = views[ids.index(int(setup[1]))]
        unit = unit_um(view.findtext("voxelSize/unit"))
        sizes = [number(text) for text in view.findtext("voxelSize/size", "").split()]
        steps = data.file[f"s{setup[1]}/resolutions"][int(setup[2])]
    except (*READ_ERRORS, ElementTree.ParseError):
        return None
    if unit is None or len(sizes) != len(ZYX):
        return None
    pairs = list(zip(sizes, steps, strict=True))[::-1]  # both are x, y, z
    return known_size([size * float(step) * unit for size, step in pairs], str(path))


def _numbers(attribute: object) -> list[float]:
    """Return the numbers of an attribute, which may be text with blanks or commas between."""
    if isinstance(attribute, bytes):
        attribute = attribute.decode("utf-8", "replace")
    if isinstance(attribute, str):
        return [number(text) for text in re.split(r"[\s,;]+", attribute.strip("[]() "))]
    return [number(value) for value in np.ravel(attribute)]


CONTAINER = Container(
    name="HDF5 and NeXus",
    suffixes=SUFFIXES,
    note="one dataset, in chunks or not, compressed or not, linked or virtual; BigDataViewer's; "
    "also under other names",
    open=open_hdf5,
    recognizes=is_hdf5,
    inside="/path/in/file",
)
