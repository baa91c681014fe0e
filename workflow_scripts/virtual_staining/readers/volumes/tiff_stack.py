"""Raw volumes as one TIFF: multi-page, BigTIFF, OME (also in many files) or ImageJ."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.numbers import inverted
from virtual_staining.readers.ome_files import COMPANION_SUFFIX, opened_ome_tiff
from virtual_staining.readers.source import METADATA_ERRORS, Source, read_values
from virtual_staining.readers.tiff_metadata import (
    TIFF_SUFFIXES,
    check_complete,
    check_page,
    is_white_zero,
    reopened,
    tiff_size_um,
)

log = logging.getLogger(__name__)


def open_file(path: Path, inside: str = "") -> Source:
    """Open one TIFF that holds a whole volume, or any file of an OME-TIFF in many files.

    Parameters
    ----------
    path : Path
        The file.
    inside : str
        Number (from 0) or name of the image; empty for the largest grey one.

    Raises
    ------
    InputError
        If it is damaged, truncated, or not a single grey (z, y, x) volume.
    """
    with _Complaints() as complaints, opened_ome_tiff(path) as tif:
        n_pages, all_series = len(tif.pages), tif.series
        if complaints.lines:
            what = (
                "a file of the series is missing" if complaints.missing else "damaged or truncated"
            )
            raise InputError(f"{path}: {what} ({complaints.lines[0]}); copy it again")
        if not all_series:
            raise InputError(f"{path}: holds no image; is it truncated? Copy it again")
        number = _chosen(path, tif, all_series, inside)
        return _source(path, tif, number, n_pages)


def _planes_shape(series: tifffile.TiffPageSeries) -> tuple[int, ...] | None:
    """Return the shape of a series of grey planes without axes of one, None for another series."""
    axes = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
    names = "".join(a for a, _ in axes)
    if len(names) != 3 or not names.endswith("YX") or names[0] in "CS":
        return None
    return tuple(n for _, n in axes)


def _chosen(path: Path, tif: tifffile.TiffFile, all_series: list, inside: str) -> int:
    """Return the number of the series that is the volume."""
    names = [
        f"::{n} ({s.name}, {'x'.join(map(str, s.shape))})".replace("(, ", "(")
        for n, s in enumerate(all_series)
    ]
    if inside:
        named = [n for n, s in enumerate(all_series) if inside in (str(n), s.name)]
        if not named:
            raise InputError(f"{path}: has no image {inside}; its images are {', '.join(names)}")
        return named[0]
    if len(all_series) == 1:
        return 0
    if not tif.is_ome:
        shapes = " and ".join(" x ".join(map(str, s.shape)) for s in all_series[:2])
        raise InputError(
            f"{path}: pages of different shape or type ({shapes}); all must be alike, or the "
            f"volume be written as {path.name}::number with one of {', '.join(names)}"
        )
    sizes = [int(np.prod(_planes_shape(s) or [0])) for s in all_series]
    if sizes.count(max(sizes)) > 1:
        raise InputError(
            f"{path}: holds several images of the same size; write the volume as "
            f"{path.name}::number with one of {', '.join(names)}"
        )
    number = int(np.argmax(sizes))
    log.info(
        "%s: of its images %s the largest stack, ::%d, is read", path, ", ".join(names), number
    )
    return number


def _source(path: Path, tif: tifffile.TiffFile, number: int, n_pages: int) -> Source:
    series = tif.series[number]
    if series.keyframe is None:
        raise InputError(f"{path}: its pages are missing; copy the file again")
    check_page(path, series.keyframe, series.keyframe.parent.filehandle.size)
    shape = _planes_shape(series)
    if shape is None:
        raise InputError(
            f"{path}: holds {'x'.join(map(str, series.shape))} {series.axes} in {n_pages} pages; "
            "a volume must be a stack of grey planes (ZYX)"
        )
    if "Z" not in series.axes and "T" in series.axes:
        log.warning("%s: its planes are stored as time points (T); they are read as planes along z",
                    path)  # fmt: skip
    size_um = tiff_size_um(tif, "ZYX", number)
    if read := _plain_reader(path, tif, series, shape):
        stored = tif.filehandle.size
    else:
        read = _page_reader(path, series, shape)
        stored = sum(file.size for file in {page.parent.filehandle for page in series.pages})
    source = Source(str(path), shape, series.dtype, read, size_um, stored_bytes=stored)
    if is_white_zero(series.keyframe):
        log.info("%s: 0 is the brightest value (WhiteIsZero); the greys are inverted", path)
        return replace(source, read=lambda z0, z1: inverted(read(z0, z1)))
    return source


class _Complaints(logging.Handler):
    """Collects what tifffile only logs when pages break off or a file of a series is missing."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self.missing = False

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        missing = "failed to read" in text
        self.missing |= missing
        dropped = "invalid TiffData" in text  # planes beyond the image that the metadata describe
        if missing or dropped or record.levelno >= logging.ERROR:
            self.lines.append(text)

    def __enter__(self):
        logging.getLogger("tifffile").addHandler(self)
        return self

    def __exit__(self, *_):
        logging.getLogger("tifffile").removeHandler(self)


def _plain_reader(
    path: Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, shape: tuple[int, ...]
) -> Callable[[int, int], np.ndarray] | None:
    """Return a reader of uncompressed consecutive planes, or None if they are not."""
    if series.dataoffset is None or series.keyframe.parent is not tif:
        return None
    dtype = series.dtype.newbyteorder(tif.byteorder)
    plane = shape[1] * shape[2]
    file = Path(tif.filehandle.path)
    end = series.dataoffset + dtype.itemsize * plane * shape[0]
    if end > tif.filehandle.size:
        raise InputError(
            f"{path}: truncated: the file has {tif.filehandle.size} bytes of {end}; copy it again"
        )

    def read(z0: int, z1: int) -> np.ndarray:
        offset = series.dataoffset + z0 * plane * dtype.itemsize
        return read_values(file, dtype, (z1 - z0) * plane, offset).reshape(z1 - z0, *shape[1:])

    return read


def _page_reader(
    path: Path, series: tifffile.TiffPageSeries, shape: tuple[int, ...]
) -> Callable[[int, int], np.ndarray]:
    """Return a reader that decodes page by page."""
    pages = list(series.pages)  # the file is opened again to read some of them
    if len(pages) != shape[0]:
        raise InputError(
            f"{path}: has {len(pages)} pages for {shape[0]} planes; rewrite it with a page a plane"
        )
    for number, page in enumerate(pages):
        if page is None:
            raise InputError(f"{path}: plane {number} is missing; copy the file again")
        file = page.parent.filehandle
        first = series.keyframe
        if (page.shape, page.dtype) != (first.shape, first.dtype):
            raise InputError(
                f"{path}: plane {number}, in {Path(file.path).name}, is {page.shape} {page.dtype}, "
                f"but the first is {first.shape} {first.dtype}; all must be alike"
            )
        check_complete(Path(file.path), page, file.size)
    others = {Path(page.parent.filehandle.path).resolve().parent for page in pages}
    for folder in sorted(others - {path.resolve().parent}):
        log.warning("%s: its metadata lead to files in %s, which are read", path, folder)

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            with reopened(pages[z0:z1]):
                return np.stack([page.asarray().reshape(shape[1:]) for page in pages[z0:z1]])
        except METADATA_ERRORS as error:
            raise InputError(f"{path}: planes {z0}–{z1 - 1} cannot be decoded ({error})") from error

    return read


CONTAINER = Container(
    name="TIFF stack",
    suffixes=(*TIFF_SUFFIXES, COMPANION_SUFFIX),
    note="BigTIFF, OME-TIFF and ImageJ, a page a plane; in strips or tiles, compressed or not; any "
    "file of an OME-TIFF in many files; the largest of several images, or the one named; tried on "
    "a real mouse brain",
    open=open_file,
    inside="number",
)
