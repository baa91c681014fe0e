"""Points of one image or pairs of points, as a landmark file gives them."""

import math
from dataclasses import dataclass

import numpy as np

from virtual_staining.errors import InputError

PIXELS, MICRONS, MILLIMETRES = "px", "µm", "mm"


@dataclass(frozen=True)
class Points:
    """Points of the slide or of the volume.

    Parameters
    ----------
    values : ndarray, shape (n, 2) or (n, 3)
        x, y of the slide or x, y, z of the volume.
    unit : str
        ``px`` (pixels of the original slide), ``µm`` or ``mm``.
    from_center : bool
        Whether the coordinates count from the centre of the first pixel or voxel, not from its
        outer corner.
    """

    values: np.ndarray
    unit: str
    from_center: bool = False


@dataclass(frozen=True)
class Pairs:
    """Points of the slide and the same points of the volume, in the same order."""

    slide: Points
    volume: Points


def number(text: str, where: str) -> float:
    """Return a finite number.

    Raises
    ------
    InputError
        Naming the place (``where``: file, line and column) and the text.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{where}: {text.strip()!r} is not a number; mend or remove this landmark")
    return value
