"""Raw volumes as one TIFF: multi-page, BigTIFF, OME or ImageJ."""

import logging
from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.source import READ_ERRORS, Source, read_values
from virtual_staining.readers.tiff_metadata import (
    TIFF_SUFFIXES,
    check_complete,
    check_page,
    opened_tiff,
    reopened,
    tiff_size_um,
)


def open_file(path: Path) -> Source:
    """Open one TIFF that holds a whole volume.

    Raises
    ------
    InputError
        If it is damaged, truncated, or not a single grey (z, y, x) volume.
    """
    with _Complaints() as complaints, opened_tiff(path) as tif:
        series, n_pages = tif.series[0], len(tif.pages)
        if complaints.lines:
            raise InputError(f"{path}: damaged or truncated ({complaints.lines[0]}); copy it again")
        return _source(path, tif, series, n_pages)


def _source(
    path: Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, n_pages: int
) -> Source:
    check_page(path, series.keyframe, tif.filehandle.size)
    if len(tif.series) > 1 and not tif.is_ome:
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
        return read_values(path, dtype, (z1 - z0) * plane, offset).reshape(z1 - z0, *shape[1:])

    return read


def _page_reader(path, tif, series, shape):
    """Return a reader that decodes page by page."""
    pages = list(series.pages)  # the file is opened again to read some of them
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
            with reopened(pages[z0:z1]):
                return np.stack([page.asarray().reshape(shape[1:]) for page in pages[z0:z1]])
        except READ_ERRORS as error:
            raise InputError(f"{path}: planes {z0}–{z1 - 1} cannot be decoded ({error})") from error

    return read


CONTAINER = Container(
    name="TIFF stack",
    suffixes=TIFF_SUFFIXES,
    note="BigTIFF, OME-TIFF and ImageJ, a page a plane; in strips or tiles, compressed or not; "
    "tried on a real mouse brain",
    open=open_file,
)
