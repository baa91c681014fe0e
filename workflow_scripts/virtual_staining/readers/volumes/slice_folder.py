"""Raw volumes as a folder of slices."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.ome_files import describes_series
from virtual_staining.readers.planes import PLANE_SUFFIXES, open_plane
from virtual_staining.readers.source import Source
from virtual_staining.readers.tiff_metadata import TIFF_SUFFIXES
from virtual_staining.readers.volumes.tiff_stack import open_file as open_tiff_stack

READERS = 4


def is_slice_folder(path: Path) -> bool:
    """Say whether a path is a folder with files of slices."""
    return path.is_dir() and any(_slices(path))


def _slices(folder: Path) -> Iterator[Path]:
    """Yield the slices of a folder: its TIFF files or, without any, those of other formats.

    Hidden files are none, and previews in another format lie beside the slices.
    """
    by_format: dict[str, list[Path]] = {}
    for path in folder.iterdir():
        suffix = path.suffix.lower()
        if suffix in PLANE_SUFFIXES and not path.name.startswith("."):
            by_format.setdefault(".tif" if suffix in TIFF_SUFFIXES else suffix, []).append(path)
    yield from by_format.get(".tif") or max(by_format.values(), key=len, default=[])


def natural_key(path: Path) -> list:
    """Sort key under which ``s10`` follows ``s9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def open_folder(folder: Path) -> Source:
    """Open a folder of single-page slices, in natural order of their names.

    The files of one OME-TIFF are read in the order and with the size that their metadata say.

    Only headers are read here; every slice's is, so that damage shows before the work begins.

    Raises
    ------
    InputError
        If a number is missing from the series, a slice is damaged, not grey, or unlike the first.
    """
    files = sorted(_slices(folder), key=natural_key)
    if files[0].suffix.lower() in TIFF_SUFFIXES and describes_series(
        files[0], {path.name for path in files}
    ):
        return replace(open_tiff_stack(files[0]), name=str(folder))  # in the metadata's order
    _check_numbers(folder, files)
    with ThreadPoolExecutor(READERS) as pool:
        slices = list(pool.map(open_plane, files))
    first = slices[0]
    for other in slices:
        if (other.shape, other.dtype) != (first.shape, first.dtype):
            raise InputError(
                f"{other.path}: {other.kind}, but {first.path.name} is {first.kind}; all "
                "slices of a volume must be alike"
            )
    pool = ThreadPoolExecutor(READERS)

    def read(z0: int, z1: int) -> np.ndarray:
        return np.stack(list(pool.map(lambda plane: plane.read(), slices[z0:z1])))

    shape = (len(slices), *first.shape)
    return Source(str(folder), shape, first.dtype, read)


def _check_numbers(folder: Path, files: list[Path]) -> None:
    """Refuse a gap in the last number of the slices' names."""
    found = [re.findall(r"\d+", path.stem) for path in files]
    if len(files) < 3 or not all(found):
        return
    numbers = [int(digits[-1]) for digits in found]
    steps = np.diff(numbers)
    step = int(steps.min())
    if step < 1 or (steps == step).all():
        return
    at = int(np.argmax(steps != step))
    raise InputError(
        f"{folder}: slice {numbers[at] + step} is missing between {files[at].name} and "
        f"{files[at + 1].name}; restore it or renumber the slices"
    )


CONTAINER = Container(
    name="folder of slices",
    suffixes=PLANE_SUFFIXES,
    note="TIFF, PNG, BMP, JPEG 2000 or JPEG, one grey image a file, in the order of the numbers in "
    "the names; compressed or not, either byte order; tried on real trabecular bone",
    open=open_folder,
    recognizes=is_slice_folder,
)
