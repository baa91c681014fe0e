"""Orientation tags of TIFF and EXIF, which say that a slide is stored mirrored or turned.

The tag's eight values (TIFF 6.0, tag 274) say on which side of the upright image the first stored
row and column lie. QuPath ignores the tag, so annotations drawn there are in stored pixels.
"""

from dataclasses import replace
from functools import cache

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.source import RawSlide

UPRIGHT = 1
EXCHANGED = (5, 6, 7, 8)  # the first stored row is a column of the upright image
RIGHT_TO_LEFT = (2, 3, 6, 7)
BOTTOM_UP = (3, 4, 7, 8)
EXCHANGED_BYTES = 4 * 2**30  # exchanging rows and columns takes the whole slide in memory


def to_upright(orientation: int, shape_px: tuple[int, int]) -> np.ndarray:
    """Return the affine map from stored to upright pixels.

    Parameters
    ----------
    orientation : int
        The tag, 1 to 8.
    shape_px : (int, int)
        Height and width of the upright slide.

    Returns
    -------
    ndarray, shape (2, 3)
        Takes (x, y, 1), origin at the outer corner of the first pixel, to (x, y).
    """
    height, width = shape_px
    matrix = np.zeros((2, 3))
    matrix[:, :2] = np.eye(2)[::-1] if orientation in EXCHANGED else np.eye(2)
    if orientation in RIGHT_TO_LEFT:
        matrix[0] = [0, 0, width] - matrix[0]
    if orientation in BOTTOM_UP:
        matrix[1] = [0, 0, height] - matrix[1]
    return matrix


def turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """Return a stored image (y, x, …) upright, as its tag, 1 to 8, says."""
    if orientation in EXCHANGED:
        image = image.swapaxes(0, 1)
    y_step = -1 if orientation in BOTTOM_UP else 1
    x_step = -1 if orientation in RIGHT_TO_LEFT else 1
    return image[::y_step, ::x_step]


def upright(slide: RawSlide, orientation: int) -> RawSlide:
    """Turn a slide as its tag says; its rows are still read when asked for.

    Raises
    ------
    InputError
        If the tag is none of the eight values, or exchanges the axes of a slide that does not fit
        in memory.
    """
    if orientation == UPRIGHT:
        return slide
    if orientation not in range(1, 9):
        raise InputError(f"{slide.name}: its orientation tag is {orientation}, not 1 to 8")
    if orientation in EXCHANGED:
        slide = _exchanged(slide)
    height = slide.shape[0]
    y_step = -1 if orientation in BOTTOM_UP else 1
    x_step = -1 if orientation in RIGHT_TO_LEFT else 1

    def read(y0: int, y1: int) -> np.ndarray:
        rows = (height - y1, height - y0) if y_step < 0 else (y0, y1)
        return slide.read(*rows)[::y_step, ::x_step]

    return replace(slide, read=read, orientation=orientation)


def _exchanged(slide: RawSlide) -> RawSlide:
    """Exchange rows and columns."""
    height, width, samples = slide.shape
    if height * width * samples * slide.dtype.itemsize > EXCHANGED_BYTES:
        raise InputError(
            f"{slide.name}: its orientation tag exchanges rows and columns, which would take "
            f"{height} x {width} pixels in memory; save it upright"
        )
    whole = cache(lambda: slide.read(0, height))
    size = slide.pixel_size_um and slide.pixel_size_um[::-1]

    def read(y0: int, y1: int) -> np.ndarray:
        return whole()[:, y0:y1].swapaxes(0, 1)

    return replace(slide, shape=(width, height, samples), read=read, pixel_size_um=size, block=1)
