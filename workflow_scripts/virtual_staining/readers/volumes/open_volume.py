"""Raw volumes of any container, opened lazily."""

from pathlib import Path

from virtual_staining.errors import InputError
from virtual_staining.readers.source import Source
from virtual_staining.readers.volumes import raw_values, tiff_folder, tiff_stack, zarr_image
from virtual_staining.readers.volumes.hdf5 import HDF5_SUFFIXES, open_hdf5
from virtual_staining.readers.volumes.itk import ITK_SUFFIXES, open_itk


def open_volume(volume: str) -> Source:
    """Open a raw volume as the sheet writes it.

    That is a TIFF, a folder of slices, ``file.h5::/path``, an ITK format, a Zarr or OME-Zarr folder
    (``ct.zarr`` or ``ct.zarr::/path``) or bare values (``ct.raw::uint16:z,y,x``).

    Raises
    ------
    InputError
        If it is missing, of no known container, damaged, or not one grey 3D volume.
    """
    text, _, dataset = volume.partition("::")
    path = Path(text)
    name = path.name.lower()
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; check the sheet's volume column")
    if path.is_dir() and zarr_image.is_zarr(path):
        return zarr_image.open_zarr(path, dataset)
    if path.is_dir():
        return tiff_folder.open_folder(path)
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; copy it again")
    if name.endswith(raw_values.SUFFIXES):
        return raw_values.open_raw(path, dataset)
    if dataset or name.endswith(HDF5_SUFFIXES):
        return open_hdf5(path, dataset)
    if name.endswith(tiff_stack.SUFFIXES):
        return tiff_stack.open_file(path)
    if name.endswith(ITK_SUFFIXES):
        return open_itk(path)
    known = ", ".join(tiff_stack.SUFFIXES + HDF5_SUFFIXES + ITK_SUFFIXES + raw_values.SUFFIXES)
    raise InputError(f"{path}: not a known volume container; known: folders of TIFF, Zarr, {known}")
