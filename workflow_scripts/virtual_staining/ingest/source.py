"""What every raw volume looks like to the rest of the stage: planes to be read along z."""

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
