"""Raw slides as RGB TIFF, OME-TIFF or BigTIFF."""

from pathlib import Path

import numpy as np
import tifffile
import zarr

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.orientation import UPRIGHT, upright
from virtual_staining.readers.source import RawSlide, row_reader
from virtual_staining.readers.tiff_metadata import (
    TIFF_SUFFIXES,
    check_complete,
    opened_tiff,
    reopened,
    tiff_size_um,
)

# Microscopes also write plain TIFF under names of their own.
SUFFIXES = (*TIFF_SUFFIXES, ".svs", ".ndpi", ".scn", ".bif")


def open_tiff_slide(path: Path) -> RawSlide:
    """Open an RGB TIFF at its finest level; rows are decoded when read.

    Raises
    ------
    InputError
        If it is damaged or not one RGB image.
    """
    with opened_tiff(path) as tif:
        return _slide(path, tif)


def _slide(path: Path, tif: tifffile.TiffFile) -> RawSlide:
    series = tif.series[0]
    page = series.keyframe
    store = zarr.open_array(tif.aszarr(series=0, level=0), mode="r")
    axes, shape = series.axes, series.shape
    planar = axes == "SYX"
    if axes not in ("YXS", "SYX") or page.photometric.name not in ("RGB", "YCBCR"):
        raise InputError(
            f"{path}: holds {'x'.join(map(str, shape))} {axes} {page.photometric.name} pixels, not "
            "one RGB image; export the brightfield image as RGB"
        )
    check_complete(path, page, tif.filehandle.size)

    def pixels(y0: int, y1: int) -> np.ndarray:
        with reopened([page]):
            return np.moveaxis(store[:, y0:y1], 0, -1) if planar else store[y0:y1]

    shape = (*shape[1:], shape[0]) if planar else shape
    size_um = tiff_size_um(tif, "YX")
    block = store.chunks[1 if planar else 0]
    slide = RawSlide(str(path), shape, series.dtype, row_reader(path, pixels), size_um, block)
    return upright(slide, page.tags.valueof("Orientation", UPRIGHT))


CONTAINER = Container(
    name="TIFF",
    suffixes=SUFFIXES,
    note="BigTIFF and OME-TIFF, in strips or tiles, planar or not, uncompressed, LZW, deflated or "
    "JPEG; 8 to 16 bits; pyramids at their finest level; orientation tags are obeyed; tried on "
    "real OME-TIFF converted from NDPI and VSI",
    open=open_tiff_slide,
)
