"""Raw volumes and slides as the readers return them: planes and rows are read when asked for."""

import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from virtual_staining.errors import InputError

# The exceptions that image libraries raise on damaged files.
READ_ERRORS = (
    OSError,
    ValueError,
    RuntimeError,
    IndexError,
    KeyError,
    struct.error,
    ZeroDivisionError,
    EOFError,
    OverflowError,
    SystemError,  # of numcodecs, on chunks of negative length
    zlib.error,
)
# What libraries raise where a file is not of the form that they expect.
METADATA_ERRORS = (
    *READ_ERRORS,
    TypeError,
    AttributeError,
    AssertionError,
    ElementTree.ParseError,
)


@dataclass(frozen=True)
class Source:
    """A raw volume; its planes are read when asked for.

    Parameters
    ----------
    name : str
        The path as the user wrote it, for messages.
    shape : (int, int, int)
        (z, y, x).
    dtype : numpy.dtype
        Type of the voxels.
    read : callable
        ``read(z0, z1)`` returns those planes, (z1 - z0, y, x); raises InputError if it cannot.
    voxel_size_um : (float, float, float) or None
        (z, y, x) from the file's metadata, µm; None where the file gives none.
    block : int
        Number of planes that are stored together, so best read together.
    unit_assumed : bool
        Whether the size's unit is an assumption, since the format names none; the sheet's size then
        takes precedence.
    stored_bytes : int
        Length of what holds the values; 0 where that is the file that the user named, -1 where it
        is not known.
    at_once_bytes : int
        What must be decoded in one piece, whatever is asked for, as with large chunks.
    """

    name: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    read: Callable[[int, int], np.ndarray]
    voxel_size_um: tuple[float, float, float] | None = None
    block: int = 1
    unit_assumed: bool = False
    stored_bytes: int = 0
    at_once_bytes: int = 0


@dataclass(frozen=True)
class RawSlide:
    """A raw slide; its rows are read when asked for.

    Parameters
    ----------
    name : str
        The path, for messages.
    shape : (int, int, int)
        (y, x, samples) of the upright slide; 3 samples are RGB, 4 are RGBA.
    dtype : numpy.dtype
        uint8 or uint16.
    read : callable
        ``read(y0, y1)`` returns those rows (y1 - y0, x, samples).
    pixel_size_um : (float, float) or None
        (y, x) from the file's metadata, µm; None where the file gives none.
    block : int
        Number of rows that are stored together, so best read together.
    orientation : int
        How the stored image was turned to be upright, see
        :mod:`virtual_staining.readers.orientation`.
    bits : int
        Significant bits of a value as the file's metadata say; 0 where they say nothing.
    premultiplied : bool
        Whether the colours of RGBA are multiplied by alpha.
    stored_bytes, at_once_bytes : int
        As of :class:`Source`.
    """

    name: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    read: Callable[[int, int], np.ndarray]
    pixel_size_um: tuple[float, float] | None = None
    block: int = 1
    orientation: int = 1
    bits: int = 0
    premultiplied: bool = False
    stored_bytes: int = 0
    at_once_bytes: int = 0


def read_values(path: Path, dtype: np.dtype, count: int, offset: int) -> np.ndarray:
    """Read bare values, and tell the system not to cache them.

    A volume is read once from end to end. Its values would push everything else out of the
    system's cache and in the end slow down the reading itself.

    Parameters
    ----------
    path : Path
        The file.
    dtype : numpy.dtype
        Type of the stored values, with their byte order.
    count : int
        Number of values.
    offset : int
        Position of the first value, bytes.

    Returns
    -------
    ndarray, shape (count,)
        In the machine's own byte order; fewer values where the file ends earlier.
    """
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        values = np.fromfile(file, dtype, count)
        if hasattr(os, "posix_fadvise"):  # macOS has none
            os.posix_fadvise(file.fileno(), offset, values.nbytes, os.POSIX_FADV_DONTNEED)
    return values.astype(dtype.newbyteorder("="), copy=False)


def row_reader(
    path: Path,
    pixels: Callable[[int, int], np.ndarray],
    errors: tuple[type[Exception], ...] = METADATA_ERRORS,
) -> Callable[[int, int], np.ndarray]:
    """Return ``read(y0, y1)`` of a slide whose failures name the file and the rows.

    Parameters
    ----------
    path : Path
        The file.
    pixels : callable
        ``pixels(y0, y1)`` returns those rows, (y1 - y0, x, samples).
    errors : tuple of exception classes
        What the file's library raises on damage.
    """

    def read(y0: int, y1: int) -> np.ndarray:
        try:
            return pixels(y0, y1)
        except errors as error:
            raise InputError(
                f"{path}: rows {y0}–{y1 - 1} cannot be decoded ({error}); is it damaged?"
            ) from error

    return read
