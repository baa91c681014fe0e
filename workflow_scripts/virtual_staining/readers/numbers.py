"""Numbers of raw volumes in the few types with which the rest of the program calculates.

These are integers of 1 to 8 bytes and floats of 4 and 8 bytes in the machine's own byte order.
"""

from dataclasses import replace

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.source import Source


def plain_dtype(dtype: np.dtype, name: str) -> np.dtype:
    """Return the type in which values of a stored type are calculated with.

    Half floats become float32, long doubles float64, truth values 0 and 1; all get the machine's
    own byte order.

    Raises
    ------
    InputError
        If the type holds no plain numbers: complex ones, colours, text.
    """
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return np.dtype("u1")
    if dtype.kind == "f":
        return np.dtype("f8" if dtype.itemsize > 4 else "f4")
    if dtype.kind in "ui":
        return dtype.newbyteorder("=")
    raise InputError(
        f"{name}: holds values of type {dtype}; a volume must hold integers or floating-point "
        "numbers: convert it"
    )


def plain_values(values: np.ndarray) -> np.ndarray:
    """Return values in the type of :func:`plain_dtype`, the same array where it has this type."""
    return values.astype(plain_dtype(values.dtype, "values"), copy=False)


def plain_source(source: Source) -> Source:
    """Return a volume whose planes are read in the type of :func:`plain_dtype`.

    Raises
    ------
    InputError
        As in :func:`plain_dtype`.
    """
    dtype = plain_dtype(source.dtype, source.name)

    def read(z0: int, z1: int) -> np.ndarray:
        return source.read(z0, z1).astype(dtype, copy=False)

    return replace(source, dtype=dtype, read=read)


def inverted(values: np.ndarray) -> np.ndarray:
    """Return greys of which 0 is the brightest (TIFF's WhiteIsZero) as they look.

    Parameters
    ----------
    values : ndarray
        Any shape. Unsigned integers become largest - value, signed integers -1 - value, truth
        values their opposite; floats, which have no largest value, become -value.
    """
    return -values if values.dtype.kind == "f" else np.invert(values)
