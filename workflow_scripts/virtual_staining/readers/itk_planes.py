"""Volumes whose values lie in many files or in rare encodings, read through SimpleITK."""

import logging
import math
import re
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.axes import spatial_axes
from virtual_staining.readers.files import check_file, check_outside
from virtual_staining.readers.source import Source

log = logging.getLogger(__name__)

DATA_FILE = re.compile(r"^\s*(?:ElementDataFile\s*=|data ?file:)\s*(.*)$", re.IGNORECASE)
NUMBERED = re.compile(
    r"([^%]*%0?\d{0,2}d[^%\s]*)\s+(\d{1,6})\s+(\d{1,6})(?:\s+(\d{1,6}))?(?:\s+\d)?"
)
LONGEST_HEADER = 2**24


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
    import SimpleITK as sitk  # takes longer than opening most files of other formats

    log.info("%s: its values are text or lie in other files; SimpleITK reads them whole", path)
    files = listed_files(path)
    for file in files:
        check_file(file)
    check_outside(path, files)
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

    at_once = math.prod(shape) * kind.itemsize
    stored = path.stat().st_size + sum(file.stat().st_size for file in files)
    return Source(str(path), shape, kind, read, size_um, unit_assumed=unit_assumed,
                  stored_bytes=stored, at_once_bytes=at_once)  # fmt: skip


def listed_files(path: Path) -> list[Path]:
    """Return the files with the values of a MetaImage or NRRD that its header names.

    Raises
    ------
    InputError
        If they are named by a pattern other than a number, its first, its last and its step.
    """
    with path.open("rb") as file:
        lines = file.read(LONGEST_HEADER).decode("utf-8", "replace").splitlines()
    for number, line in enumerate(lines):
        if not (found := DATA_FILE.match(line)):
            continue
        named = found[1].strip()
        if named.upper().startswith("LIST"):
            names = [text.strip() for text in lines[number + 1 :] if text.strip()]
        elif "%" in named:
            if not (parts := NUMBERED.fullmatch(named)):
                raise InputError(
                    f"{path}: names its files as {named[:80]!r}; write a pattern such as "
                    "slice%03d.raw 1 100 1"
                )
            first, last, step = int(parts[2]), int(parts[3]), int(parts[4] or 1)
            names = [parts[1] % n for n in range(first, last + 1, max(1, step))]
        else:
            names = [] if named.upper() == "LOCAL" else [named]
        return [path.parent / name for name in names]
    return []


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
