"""Raw volumes as TIFF: a folder of slices, or one multi-page, BigTIFF, OME or ImageJ file."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.ingest.sizes import tiff_size_um
from virtual_staining.ingest.source import READ_ERRORS, Source

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
READERS = 4


@dataclass(frozen=True)
class _Slice:
    """Header of one slice file; ``offset`` is where plain uncompressed data begins, or None."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int | None


def natural_key(path: Path) -> list:
    """Sort key under which ``s10`` follows ``s9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def open_folder(folder: Path) -> Source:
    """Open a folder of single-page slices, in natural order of their names.

    Only headers are read here; every slice's is, so that damage shows before the work begins.

    Raises
    ------
    InputError
        If there are no slices, a number is missing from the series, a slice is damaged, not
        grey, or unlike the first.
    """
    files = sorted((p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES), key=natural_key)
    files = [p for p in files if not p.name.startswith(".")]
    if not files:
        raise InputError(f"{folder}: no TIFF slices in this folder ({', '.join(SUFFIXES)})")
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
    try:
        with tifffile.TiffFile(path) as tif:
            page = tif.pages.first
            if len(tif.pages) != 1:
                raise InputError(
                    f"{path}: holds {len(tif.pages)} pages; a slice folder needs one page a file"
                )
            _check_page(path, page, tif.filehandle.size)
            plain = page.is_contiguous and page.fillorder == 1 and page.bitspersample >= 8
            return _Slice(
                path,
                page.shape,
                page.dtype.newbyteorder(tif.byteorder),
                page.dataoffsets[0] if plain else None,
            )
    except READ_ERRORS as error:
        raise InputError(f"{path}: cannot be read as TIFF ({error}); is it damaged?") from error


def _check_page(path: Path, page: tifffile.TiffPage, file_size: int) -> None:
    """Refuse colour, and data that ends beyond the file."""
    if page.samplesperpixel != 1 or page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        raise InputError(
            f"{path}: holds {page.photometric.name} pixels with {page.samplesperpixel} samples; a "
            "volume must be grey: convert it, or check whether this is the slide"
        )
    check_complete(path, page, file_size)


def check_complete(path: Path, page: tifffile.TiffPage, file_size: int) -> None:
    """Refuse a page whose data would end beyond the file.

    Raises
    ------
    InputError
        Naming the file and how much of it there is.
    """
    ends = np.add(page.dataoffsets, page.databytecounts)
    if not len(ends) or ends.max() > file_size:
        raise InputError(
            f"{path}: truncated: the file has {file_size} bytes of {max(ends, default=0)}; copy "
            "it again"
        )


def _read_slice(header: _Slice) -> np.ndarray:
    try:
        if header.offset is None:
            return tifffile.imread(header.path)
        count = int(np.prod(header.shape))
        data = np.fromfile(header.path, header.dtype, count, offset=header.offset)
        return data.reshape(header.shape).astype(header.dtype.newbyteorder("="), copy=False)
    except READ_ERRORS as error:
        raise InputError(f"{header.path}: cannot be decoded ({error}); is it damaged?") from error


def open_file(path: Path) -> Source:
    """Open one TIFF that holds a whole volume.

    Raises
    ------
    InputError
        If it is damaged, truncated, or not a single grey (z, y, x) volume.
    """
    complaints = _Complaints()
    try:
        with complaints:
            tif = tifffile.TiffFile(path)
            series, n_series, n_pages = tif.series[0], len(tif.series), len(tif.pages)
    except READ_ERRORS as error:
        raise InputError(f"{path}: cannot be read as TIFF ({error}); is it damaged?") from error
    if complaints.lines:
        raise InputError(f"{path}: damaged or truncated ({complaints.lines[0]}); copy it again")
    _check_page(path, series.keyframe, tif.filehandle.size)
    if n_series > 1 and not tif.is_ome:
        shapes = " and ".join(" x ".join(map(str, s.shape)) for s in tif.series[:2])
        raise InputError(f"{path}: pages of different shape or type ({shapes}); all must be alike")
    axes = "".join(a for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX")
    if len(axes) != 3 or not axes.endswith("YX") or axes[0] == "C":
        raise InputError(
            f"{path}: holds {'x'.join(map(str, series.shape))} {series.axes} in {n_pages} pages; "
            "a volume must be a stack of grey planes (ZYX)"
        )
    shape = tuple(n for n in series.shape if n > 1 or n in series.shape[-2:])[-3:]
    size_um = tiff_size_um(tif, "ZYX")
    read = _plain_reader(path, tif, series, shape) or _page_reader(path, tif, series, shape)
    return Source(str(path), shape, series.dtype.newbyteorder("="), read, size_um)


class _Complaints(logging.Handler):
    """Collects what tifffile only logs when a chain of pages breaks off."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def __enter__(self):
        logging.getLogger("tifffile").addHandler(self)
        return self

    def __exit__(self, *_):
        logging.getLogger("tifffile").removeHandler(self)


def _plain_reader(path, tif, series, shape):
    """Return a reader of uncompressed consecutive planes, or None if they are not."""
    if series.dataoffset is None:
        return None
    dtype = series.dtype.newbyteorder(tif.byteorder)
    plane = shape[1] * shape[2]
    end = series.dataoffset + dtype.itemsize * plane * shape[0]
    if end > tif.filehandle.size:
        raise InputError(
            f"{path}: truncated: the file has {tif.filehandle.size} bytes of {end}; copy it again"
        )

    def read(z0: int, z1: int) -> np.ndarray:
        offset = series.dataoffset + z0 * plane * dtype.itemsize
        data = np.fromfile(path, dtype, (z1 - z0) * plane, offset=offset)
        return data.reshape(z1 - z0, *shape[1:]).astype(dtype.newbyteorder("="), copy=False)

    return read


def _page_reader(path, tif, series, shape):
    """Return a reader that decodes page by page."""
    pages = series.pages
    if len(pages) != shape[0]:
        raise InputError(
            f"{path}: has {len(pages)} pages for {shape[0]} planes; rewrite it with a page a plane"
        )
    for number, page in enumerate(pages):
        if page is None:
            raise InputError(f"{path}: plane {number} is missing; copy the file again")
        check_complete(path, page, tif.filehandle.size)

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            return np.stack([page.asarray().reshape(shape[1:]) for page in pages[z0:z1]])
        except READ_ERRORS as error:
            raise InputError(f"{path}: planes {z0}–{z1 - 1} cannot be decoded ({error})") from error

    return read
