"""Raw volumes of any container, opened lazily."""

import gzip
import zlib
from pathlib import Path

import h5py
import numpy as np
import SimpleITK as sitk

from virtual_staining.errors import InputError
from virtual_staining.ingest import rawvolume, tiffslices, tiffvolume, zarrvolume
from virtual_staining.ingest.source import READ_ERRORS, Source

ITK_SUFFIXES = (".mha", ".mhd", ".nrrd", ".nhdr", ".nii", ".nii.gz")
HDF5_SUFFIXES = (".h5", ".hdf5", ".hdf", ".nxs", ".nx5")


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
    if path.is_dir() and zarrvolume.is_zarr(path):
        return zarrvolume.open_zarr(path, dataset)
    if path.is_dir():
        return tiffslices.open_folder(path)
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; copy it again")
    if name.endswith(rawvolume.SUFFIXES):
        return rawvolume.open_raw(path, dataset)
    if dataset or name.endswith(HDF5_SUFFIXES):
        return _open_hdf5(path, dataset)
    if name.endswith(tiffvolume.SUFFIXES):
        return tiffvolume.open_file(path)
    if name.endswith(ITK_SUFFIXES):
        return _open_itk(path)
    known = ", ".join(tiffvolume.SUFFIXES + HDF5_SUFFIXES + ITK_SUFFIXES + rawvolume.SUFFIXES)
    raise InputError(f"{path}: not a known volume container; known: folders of TIFF, Zarr, {known}")


def _open_hdf5(path: Path, dataset: str) -> Source:
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


def _open_itk(path: Path) -> Source:
    """Open through SimpleITK. Arrays are (z, y, x); ITK's sizes and spacings (mm) are (x, y, z)."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(f"{path}: cannot be read ({_last_line(error)}); is it damaged?") from error
    if reader.GetDimension() != 3 or reader.GetNumberOfComponents() != 1:
        raise InputError(
            f"{path}: holds {reader.GetDimension()} dimensions and {reader.GetNumberOfComponents()}"
            " values a voxel; a volume must be grey and 3D"
        )
    nx, ny, nz = reader.GetSize()
    kind = sitk.GetArrayViewFromImage(sitk.Image(1, 1, 1, reader.GetPixelID())).dtype
    if ".nii" in path.name.lower():
        _check_nifti(path, reader, nx * ny * nz * kind.itemsize)
    spacing = tuple(1000.0 * s for s in reader.GetSpacing()[::-1])
    # 1 mm on every axis is what the formats give when nobody said anything.
    size_um = None if np.allclose(spacing, 1000.0) else spacing
    whole: list[np.ndarray] = []
    plain = path.suffix != ".gz" and path.stat().st_size >= nx * ny * nz * kind.itemsize
    detached = path.suffix in (".mhd", ".nhdr")

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            if plain or detached:
                reader.SetExtractIndex((0, 0, z0))
                reader.SetExtractSize((nx, ny, z1 - z0))
                return sitk.GetArrayFromImage(reader.Execute())
            if not whole:  # compressed: there is no reading a part of it
                whole.append(sitk.GetArrayFromImage(sitk.ReadImage(str(path))))
            return whole[0][z0:z1]
        except RuntimeError as error:
            raise InputError(
                f"{path}: its {nx} x {ny} x {nz} voxels cannot be read; is it truncated?"
            ) from error

    return Source(str(path), (nz, ny, nx), kind, read, size_um)


def _check_nifti(path: Path, reader: sitk.ImageFileReader, voxel_bytes: int) -> None:
    """Refuse a truncated NIfTI, of which ITK would return what there is and invent the rest."""
    try:
        if path.suffix == ".gz":
            with gzip.open(path) as file:
                size = sum(map(len, iter(lambda: file.read(2**24), b"")))
        else:
            size = path.stat().st_size
        needed = int(float(reader.GetMetaData("vox_offset"))) + voxel_bytes
    except (EOFError, OSError, zlib.error, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); is it truncated?") from error
    if size < needed:
        raise InputError(f"{path}: truncated: it holds {size} bytes of {needed}; copy it again")


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
