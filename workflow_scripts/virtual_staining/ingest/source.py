"""What every raw volume and slide looks like to the stage: planes or rows to be read."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# What image libraries raise on damaged files.
READ_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    IndexError,
    KeyError,
    struct.error,
    ZeroDivisionError,
)


@dataclass(frozen=True)
class Source:
    """A raw volume of which nothing is in memory.

    Parameters
    ----------
    name : str
        For messages: the path as the user wrote it.
    shape : (int, int, int)
        (z, y, x).
    dtype : numpy.dtype
        Of the stored values.
    read : callable
        ``read(z0, z1)`` returns those planes, (z1 - z0, y, x); raises InputError if it cannot.
    voxel_size_um : (float, float, float) or None
        (z, y, x) from the file's metadata, µm.
    block : int
        Planes that are stored together, so best read together.
    """

    name: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    read: Callable[[int, int], np.ndarray]
    voxel_size_um: tuple[float, float, float] | None = None
    block: int = 1


@dataclass(frozen=True)
class RawSlide:
    """A slide of which nothing need be in memory.

    Parameters
    ----------
    name : str
        Its path, for messages.
    shape : (int, int, int)
        (y, x, samples) of the upright slide; 3 samples are RGB, 4 are RGBA.
    dtype : numpy.dtype
        uint8 or uint16.
    read : callable
        ``read(y0, y1)`` returns those rows (y1 - y0, x, samples).
    pixel_size_um : (float, float) or None
        (y, x) from metadata, µm.
    block : int
        Rows that are stored together.
    orientation : int
        How it was turned to be upright, see :mod:`virtual_staining.ingest.orientation`.
    """

    name: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    read: Callable[[int, int], np.ndarray]
    pixel_size_um: tuple[float, float] | None = None
    block: int = 1
    orientation: int = 1
