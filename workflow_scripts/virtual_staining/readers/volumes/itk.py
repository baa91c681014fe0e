"""Raw volumes in the formats of ITK: MetaImage, NRRD, NIfTI."""

import gzip
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.source import Source

SUFFIXES = (".mha", ".mhd", ".nrrd", ".nhdr", ".nii", ".nii.gz")


def open_itk(path: Path) -> Source:
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


CONTAINER = Container(
    name="MetaImage, NRRD, NIfTI",
    suffixes=SUFFIXES,
    note="values in the same file or beside it, compressed or not; tried on a real head CT",
    open=open_itk,
)
