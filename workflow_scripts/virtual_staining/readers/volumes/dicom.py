"""Raw volumes in DICOM: a folder with a file a slice, or one file of many frames."""

import logging
import math
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.dicom_header import KIND, DicomFile, early_uid, read_header
from virtual_staining.readers.dicom_order import STEP_TOLERANCE, in_order
from virtual_staining.readers.planes import PLANE_SUFFIXES
from virtual_staining.readers.sizes import known_size
from virtual_staining.readers.source import Source

log = logging.getLogger(__name__)

SUFFIXES = (".dcm", ".dicom", ".ima")
PIXEL_SPACING = "0028|0030"
DIRECTORY = b"1.2.840.10008.1.3.10"  # the kind of a DICOMDIR, a list of other files


def _is_dicom_file(path: Path) -> bool:
    """Say whether a file is DICOM, by the letters behind its preamble."""
    with path.open("rb") as file:
        file.seek(128)
        return file.read(4) == b"DICM"


def _dicom_files(folder: Path) -> Iterator[Path]:
    """Yield the DICOM files of a folder, whatever their names end in."""
    for path in sorted(folder.iterdir()):
        other = path.name.startswith(".") or path.suffix.lower() in PLANE_SUFFIXES
        if not other and path.is_file() and _is_dicom_file(path):
            yield path


def is_dicom(path: Path) -> bool:
    """Say whether a path is a DICOM file, or a folder with at least as many as pictures."""
    if path.is_file():
        return path.name.lower().endswith(SUFFIXES) and _is_dicom_file(path)
    if not path.is_dir():
        return False
    pictures = sum(p.suffix.lower() in PLANE_SUFFIXES for p in path.iterdir())
    return next(islice(_dicom_files(path), max(0, pictures - 1), None), None) is not None


def open_dicom(path: Path, series: str) -> Source:
    """Open a DICOM series in the order of the slices' positions; rescaled as its headers say.

    Parameters
    ----------
    path : Path
        A folder, or a file of many frames.
    series : str
        The UID of one of several series in a folder; empty for the only one.

    Raises
    ------
    InputError
        If a file is damaged, there are several series, a slice is missing or unlike the others.
    """
    names = _series_files(path, series) if path.is_dir() else [path]
    files = [read_header(name) for name in names]
    first = files[0]
    for other in files:
        if (other.shape, other.stored) != (first.shape, first.stored):
            raise InputError(
                f"{other.path}: {other.shape[1:]} {other.dtype}, but {first.path.name} is "
                f"{first.shape[1:]} {first.dtype}; all slices of a volume must be alike"
            )
    dtype = np.result_type(*(file.dtype for file in files))  # slopes may differ between slices
    sizes = [file.numbers(PIXEL_SPACING) for file in files]
    for file, size in zip(files, sizes, strict=True):
        if not np.allclose(size or [0], sizes[0] or [0], STEP_TOLERANCE, 0):
            raise InputError(
                f"{file.path}: has pixels of {_mm(size)} mm, but {first.path.name} of "
                f"{_mm(sizes[0])} mm; all slices of a volume must be alike"
            )
    if len(files) > 1 and first.shape[0] > 1:
        raise InputError(f"{path}: holds files of many frames; name one of them as the volume")
    files, step_um = in_order(path, files)
    in_plane = [1000.0 * size for size in sizes[0]] or [None, None]
    size_um = known_size([step_um, *in_plane], str(path))
    frames = first.shape[0]
    whole = cache(lambda: _values(first))

    def read(z0: int, z1: int) -> np.ndarray:
        if len(files) == 1:
            return whole()[z0:z1]
        return np.concatenate([_values(file) for file in files[z0:z1]]).astype(dtype, copy=False)

    shape = (frames * len(files), *first.shape[1:])
    stored = sum(file.path.stat().st_size for file in files)
    at_once = math.prod(first.shape) * first.dtype.itemsize
    return Source(
        str(path),
        shape,
        dtype,
        read,
        size_um,
        frames if len(files) == 1 else 1,
        stored_bytes=stored,
        at_once_bytes=at_once,
    )


def _mm(size: list[float]) -> str:
    return " x ".join(f"{length:g}" for length in size) or "no"


def _series_files(folder: Path, series: str) -> list[Path]:
    """Return the files of a folder's only series, or of the one that is named."""
    import SimpleITK as sitk  # takes longer than opening most files of other formats

    try:
        held = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    except RuntimeError as error:
        raise InputError(
            f"{folder}: holds a DICOM file that cannot be read; copy it again"
        ) from error
    if not held:
        first = next(_dicom_files(folder)).name
        raise InputError(
            f"{folder}: none of its DICOM files can be read as an image ({first} and others); copy "
            "the series again"
        )
    if (series and series not in held) or (not series and len(held) != 1):
        counts = [
            f"{uid} ({len(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid))} files)"
            for uid in held
        ]
        raise InputError(
            f"{folder}: holds {len(held)} DICOM series; write the volume as {folder.name}::series "
            f"with one of {', '.join(counts)}"
        )
    in_series = {
        uid: [Path(p) for p in sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid)]
        for uid in held
    }
    files = in_series[series or held[0]]
    _check_others(folder, files, {path.name for names in in_series.values() for path in names})
    return files


def _check_others(folder: Path, files: list[Path], in_series: set[str]) -> None:
    """Refuse a damaged slice, which the library leaves out; warn of files of another kind."""
    others = [path for path in _dicom_files(folder) if path.name not in in_series]
    kinds = {early_uid(path, KIND) for path in files} if others else set()
    odd = []
    for path in others:
        kind = DIRECTORY if path.name == "DICOMDIR" else early_uid(path, KIND)
        if not kind or kind in kinds:
            raise InputError(f"{path}: cannot be read as DICOM; is it damaged? Copy it again")
        if kind != DIRECTORY:
            odd.append(path.name)
    if odd:
        log.warning("%s: %d DICOM files hold no image that can be read and are left out: %s%s",
                    folder, len(odd), ", ".join(odd[:3]), " …" * (len(odd) > 3))  # fmt: skip


def _values(file: DicomFile) -> np.ndarray:
    """Return the values of a file (frames, y, x).

    The library applies slope and intercept, and inverts greys of which 0 is white (MONOCHROME1).
    """
    import SimpleITK as sitk  # takes longer than opening most files of other formats

    try:
        image = sitk.ReadImage(str(file.path), imageIO="GDCMImageIO")
    except RuntimeError as error:
        raise InputError(f"{file.path}: cannot be decoded; is it damaged?") from error
    return sitk.GetArrayFromImage(image).reshape(file.shape)


CONTAINER = Container(
    name="DICOM",
    suffixes=SUFFIXES,
    note="a folder with a file a slice, in the order of their positions and with the distance of "
    "these, or one file of many frames; slope and intercept are applied",
    open=open_dicom,
    recognizes=is_dicom,
    inside="series",
)
