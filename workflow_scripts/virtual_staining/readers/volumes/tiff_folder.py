"""Raw volumes as a folder of TIFF slices."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.source import READ_ERRORS, Source, read_values
from virtual_staining.readers.tiff_metadata import TIFF_SUFFIXES, check_page, opened_tiff

READERS = 4


@dataclass(frozen=True)
class _Slice:
    """Header of one slice file; ``offset`` is where plain uncompressed data begins, or None."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int | None


def is_tiff_folder(path: Path) -> bool:
    """Say whether a path is a folder with TIFF files."""
    return path.is_dir() and any(_slices(path))


def _slices(folder: Path) -> Iterator[Path]:
    """Yield the TIFF files of a folder; hidden ones are none."""
    for path in folder.iterdir():
        if path.suffix.lower() in TIFF_SUFFIXES and not path.name.startswith("."):
            yield path


def natural_key(path: Path) -> list:
    """Sort key under which ``s10`` follows ``s9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def open_folder(folder: Path) -> Source:
    """Open a folder of single-page slices, in natural order of their names.

    Only headers are read here; every slice's is, so that damage shows before the work begins.

    Raises
    ------
    InputError
        If a number is missing from the series, a slice is damaged, not grey, or unlike the first.
    """
    files = sorted(_slices(folder), key=natural_key)
    _check_numbers(folder, files)
    with ThreadPoolExecutor(READERS) as pool:
        slices = list(pool.map(_slice_header, files))
    first = slices[0]
    for other in slices:
        if (other.shape, other.dtype) != (first.shape, first.dtype):
            raise InputError(
                f"{other.path}: {_kind(other)}, but {first.path.name} is {_kind(first)}; all "
                "slices of a volume must be alike"
            )
    pool = ThreadPoolExecutor(READERS)

    def read(z0: int, z1: int) -> np.ndarray:
        return np.stack(list(pool.map(_read_slice, slices[z0:z1])))

    shape = (len(slices), *first.shape)
    return Source(str(folder), shape, first.dtype.newbyteorder("="), read)


def _kind(header: _Slice) -> str:
    return f"{' x '.join(map(str, header.shape))} {header.dtype}"


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


def _slice_header(path: Path) -> _Slice:
    with opened_tiff(path) as tif:
        page = tif.pages.first
        if len(tif.pages) != 1:
            raise InputError(
                f"{path}: holds {len(tif.pages)} pages; a slice folder needs one page a file"
            )
        check_page(path, page, tif.filehandle.size)
        plain = page.is_contiguous and page.fillorder == 1 and page.bitspersample >= 8
        return _Slice(
            path,
            page.shape,
            page.dtype.newbyteorder(tif.byteorder),
            page.dataoffsets[0] if plain else None,
        )


def _read_slice(header: _Slice) -> np.ndarray:
    try:
        if header.offset is None:
            return tifffile.imread(header.path)
        count = int(np.prod(header.shape))
        return read_values(header.path, header.dtype, count, header.offset).reshape(header.shape)
    except READ_ERRORS as error:
        raise InputError(f"{header.path}: cannot be decoded ({error}); is it damaged?") from error


CONTAINER = Container(
    name="folder of TIFF slices",
    suffixes=TIFF_SUFFIXES,
    note="one grey page a file, in the order of the numbers in the names; compressed or not, "
    "either byte order; tried on real trabecular bone",
    open=open_folder,
    recognizes=is_tiff_folder,
)
