"""Conversion of a raw slide to its working pixel size, band by band."""

import logging
from pathlib import Path

import cv2
import numpy as np

from virtual_staining.artefacts.slide import write_slide_pyramid
from virtual_staining.errors import InputError
from virtual_staining.imaging.measured import FILL, find_fill, unmeasured
from virtual_staining.ingest.no_data import WHOLE
from virtual_staining.ingest.resample import area_matrix, resample_plane
from virtual_staining.ingest.rgb import RgbReader, glass_rgb, is_glass
from virtual_staining.readers.bounds import check_reduced
from virtual_staining.readers.plausible import check_slide_size
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
        If the pixels are not square, of a size that cannot be meant, or all equal.
    """
    check_slide_size(slide.name, slide.shape, pixel_size_um, target_um)
    check_reduced(slide, pixel_size_um, target_um)
    full_um = sum(pixel_size_um) / 2
    target_um = max(target_um, full_um)
    image, scanned = reduce_slide(slide, full_um, target_um)
    if (image == image[0, 0]).all():
        raise InputError(f"{slide.name}: every pixel is {image[0, 0]}; the file holds no image")
    log.info("%s: %s at %.4g µm to %s at %g µm", slide.name, slide.shape, full_um, image.shape,
             target_um)  # fmt: skip
    measured = close_padding(image, scanned, slide.name)
    write_slide_pyramid(
        out, image, target_um, full_um, slide.shape[:2], slide.orientation, measured
    )


def reduce_slide(
    slide: RawSlide, full_um: float, target_um: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """Average a slide to a pixel size.

    Returns
    -------
    image : ndarray, uint8 (y, x, 3)
        Each pixel is the mean of the area that it covers.
    scanned : ndarray, bool (y, x), or None
        Where all of this area was scanned; None where the file's alpha shows no gaps.
    """
    read = RgbReader(slide)
    height, width, _ = slide.shape
    along_y, along_x = (area_matrix(n, full_um, target_um) for n in (height, width))
    if along_y is None:
        return read.with_scanned(0, height)
    image = np.empty((along_y.shape[0], along_x.shape[0], 3), np.uint8)
    scanned = np.ones(image.shape[:2], bool) if read.has_gaps else None
    band = max(slide.block, BAND_BYTES // (width * slide.shape[2] * slide.dtype.itemsize))
    rows_out = max(1, int(band * full_um / target_um))
    for j in range(0, len(image), rows_out):
        rows = along_y[j : j + rows_out]
        first, last = int(rows.indices.min()), int(rows.indices.max()) + 1
        pixels, seen = read.with_scanned(first, last)
        for c in range(3):
            part = resample_plane(pixels[..., c], rows[:, first:last], along_x)
            image[j : j + rows_out, :, c] = np.clip(part + 0.5, 0, 255)
        if scanned is not None:
            share = resample_plane(seen.astype(np.uint8), rows[:, first:last], along_x)
            scanned[j : j + rows_out] = share >= WHOLE
    return image, scanned


def close_padding(image: np.ndarray, scanned: np.ndarray | None, name: str) -> np.ndarray | None:
    """Find what of a slide was not scanned, and give it the colour of glass.

    Beside what is transparent, this is padding of one colour around a field with sharp edges. White
    beside tissue is glass, whatever its shape.

    Parameters
    ----------
    image : ndarray, uint8 (y, x, 3)
        Is changed.
    scanned : ndarray, bool (y, x), or None
        From :func:`reduce_slide`.
    name : str
        The slide, for the log.

    Returns
    -------
    ndarray, bool (y, x), or None
        Where the slide was scanned; None where all of it was.
    """
    measured = np.ones(image.shape[:2], bool) if scanned is None else scanned.copy()
    packed = image.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
    padding = unmeasured(packed, [fill for fill in find_fill([packed]) if fill.kind == FILL])
    if padding.any():
        colour = image[padding][0]
        beside = (cv2.dilate(padding.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0) & ~padding
        if not is_glass(colour, 255) or is_glass(np.median(image[beside], axis=0), 255):
            log.info("%s: %s at its border is padding and no data", name, colour.tolist())
            measured &= ~padding
            glass = glass_rgb(image[measured][None], 255)
            image[padding] = 255 if glass is None else glass.round()
    if measured.all():
        return None
    log.info("%s: %.2f %% of the slide was not scanned", name, 100 * (1 - measured.mean()))
    return measured
