"""Volumes whose values lie in many files or in rare encodings, read through SimpleITK."""

import logging
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from virtual_staining.errors import InputError
from virtual_staining.readers.axes import spatial_axes
from virtual_staining.readers.source import Source

log = logging.getLogger(__name__)


def open_itk(path: Path, size_um: tuple[float, ...] | None, unit_assumed: bool = True) -> Source:
    """Open a MetaImage or NRRD through SimpleITK, which reads all variants of these formats.

    Parameters
    ----------
    path : Path
        The file.
    size_um : (float, float, float) or None
        (z, y, x) from its header, µm.
    unit_assumed : bool
        Whether the header names no unit.

    Raises
    ------
    InputError
        If it is damaged, or not one grey volume.
    """
    log.info("%s: its values are text or lie in other files; SimpleITK reads them whole", path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(f"{path}: cannot be read ({_last_line(error)}); is it damaged?") from error
    sizes = reader.GetSize()  # x, y, z
    axes = spatial_axes(sizes[::-1])
    if axes is None or reader.GetNumberOfComponents() != 1:
        raise InputError(
            f"{path}: holds {' x '.join(map(str, sizes[::-1]))} voxels of "
            f"{reader.GetNumberOfComponents()} values; a volume must be grey and 3D"
        )
    shape = tuple(sizes[::-1][axis] for axis in axes)
    kind = sitk.GetArrayViewFromImage(sitk.Image(1, 1, 1, reader.GetPixelID())).dtype
    whole: list[np.ndarray] = []

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            if not whole:  # there is no reading a part of such a file
                whole.append(sitk.GetArrayFromImage(sitk.ReadImage(str(path))).reshape(shape))
            return whole[0][z0:z1]
        except RuntimeError as error:
            raise InputError(
                f"{path}: its {' x '.join(map(str, sizes))} voxels cannot be read; is it truncated?"
            ) from error

    return Source(str(path), shape, kind, read, size_um, unit_assumed=unit_assumed)


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
