"""Conversion of a raw slide to its working pixel size, band by band."""

import logging
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.slide import write_slide_pyramid
from virtual_staining.errors import InputError
from virtual_staining.ingest.pixel_sizes import TOLERANCE
from virtual_staining.ingest.resample import area_matrix, resample_plane
from virtual_staining.ingest.rgb import rgb_reader
from virtual_staining.readers.source import RawSlide

log = logging.getLogger(__name__)

BAND_BYTES = 64 * 2**20  # aim for bands of this size


def ingest_slide(
    slide: RawSlide, pixel_size_um: tuple[float, float], target_um: float, out: str | Path
) -> None:
    """Average a raw slide to the working pixel size and write it as pyramidal OME-TIFF.

    Parameters
    ----------
    slide : RawSlide
        The opened slide.
    pixel_size_um : (y, x)
        Its pixel size, µm.
    target_um : float
        Working pixel size, µm; a slide that is coarser keeps its own.
    out : path
        ``*.ome.tif``; appears only when complete.

    Raises
    ------
    InputError
        If the pixels are not square, or all equal.
    """
    y_um, x_um = pixel_size_um
    if abs(y_um / x_um - 1) > TOLERANCE:
        raise InputError(
            f"{slide.name}: pixels of {y_um:g} x {x_um:g} µm (y, x) are not square; resample the "
            "slide, or correct its metadata"
        )
    full_um = (y_um + x_um) / 2
    target_um = max(target_um, full_um)
    image = reduce_slide(slide, full_um, target_um)
    if (image == image[0, 0]).all():
        raise InputError(f"{slide.name}: every pixel is {image[0, 0]}; the file holds no image")
    log.info("%s: %s at %.4g µm to %s at %g µm", slide.name, slide.shape, full_um, image.shape,
             target_um)  # fmt: skip
    write_slide_pyramid(out, image, target_um, full_um, slide.shape[:2], slide.orientation)


def reduce_slide(slide: RawSlide, full_um: float, target_um: float) -> np.ndarray:
    """Return the slide as uint8 (y, x, 3) with each pixel the mean of the area that it covers."""
    read = rgb_reader(slide)
    height, width, _ = slide.shape
    along_y, along_x = (area_matrix(n, full_um, target_um) for n in (height, width))
    if along_y is None:
        return read(0, height)
    image = np.empty((along_y.shape[0], along_x.shape[0], 3), np.uint8)
    band = max(slide.block, BAND_BYTES // (width * slide.shape[2] * slide.dtype.itemsize))
    rows_out = max(1, int(band * full_um / target_um))
    for j in range(0, len(image), rows_out):
        rows = along_y[j : j + rows_out]
        first, last = int(rows.indices.min()), int(rows.indices.max()) + 1
        pixels = read(first, last)
        for c in range(3):
            part = resample_plane(pixels[..., c], rows[:, first:last], along_x)
            image[j : j + rows_out, :, c] = np.clip(part + 0.5, 0, 255)
    return image
