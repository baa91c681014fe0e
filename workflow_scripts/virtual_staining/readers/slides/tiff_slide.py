"""Raw slides as RGB TIFF, OME-TIFF or BigTIFF."""

import math
from pathlib import Path

import numpy as np
import tifffile
import zarr

from virtual_staining.readers.container import Container
from virtual_staining.readers.orientation import UPRIGHT, upright
from virtual_staining.readers.slide_images import BrightfieldImage, chosen_image
from virtual_staining.readers.source import RawSlide, row_reader
from virtual_staining.readers.tiff_metadata import (
    TIFF_SUFFIXES,
    check_complete,
    opened_tiff,
    reopened,
    significant_tiff_bits,
    tiff_size_um,
)

# Microscopes also write plain TIFF under names of their own.
SUFFIXES = (*TIFF_SUFFIXES, ".svs", ".ndpi", ".scn", ".bif")


def open_tiff_slide(path: Path, inside: str = "") -> RawSlide:
    """Open the largest brightfield image of a TIFF, or the one that is named, at its finest level.

    Rows are decoded when read.

    Parameters
    ----------
    path : Path
        The file.
    inside : str
        Number (from 0) or name of the image; empty for the largest.

    Raises
    ------
    InputError
        If it is damaged or holds no such RGB image.
    """
    with opened_tiff(path) as tif:
        return _slide(path, tif, chosen_image(path, tif, inside))


def _slide(path: Path, tif: tifffile.TiffFile, image: BrightfieldImage) -> RawSlide:
    series = tif.series[image.number]
    page = series.keyframe
    for one in {id(p): p for p in series.pages if p is not None}.values():
        check_complete(path, one, tif.filehandle.size)
    store = zarr.open_array(tif.aszarr(series=image.number, level=0), mode="r")
    rows = image.axes.index("Y")

    def pixels(y0: int, y1: int) -> np.ndarray:
        with reopened([p for p in series.pages if p is not None]):
            return image.colours(store[(slice(None),) * rows + (slice(y0, y1),)])

    slide = RawSlide(
        str(path),
        image.shape,
        image.dtype,
        row_reader(path, pixels),
        tiff_size_um(tif, "YX", image.number),
        store.chunks[rows],
        bits=significant_tiff_bits(tif, image.number),
        premultiplied=image.premultiplied,
        at_once_bytes=math.prod(store.chunks) * store.dtype.itemsize,
    )
    return upright(slide, page.tags.valueof("Orientation", UPRIGHT))


CONTAINER = Container(
    name="TIFF",
    suffixes=SUFFIXES,
    note="BigTIFF and OME-TIFF, in strips or tiles, planar or not, uncompressed, LZW, deflated or "
    "JPEG, RGB or palette; 8 to 16 bits; the largest of several images, or the one named; pyramids "
    "at their finest level; orientation tags are obeyed; tried on real OME-TIFF converted from "
    "NDPI and VSI",
    open=open_tiff_slide,
    inside="number",
)
