"""Images with everything outside the correspondence mask set to the background (paper 2.8)."""

from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.files import read_json
from virtual_staining.pairs import REMAKE


def background_levels(path: str | Path) -> tuple[int, np.ndarray]:
    """Read a normalized pair's mean background from its ``stats.json``.

    Returns
    -------
    ct : int
        Grey level, uint16 units.
    slide : ndarray, shape (3,), uint8
        Colour.

    Raises
    ------
    InputError
        If the file is missing or lacks these levels.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; {REMAKE}")
    stats = read_json(path)
    try:
        rgb = np.array(stats["slide"]["background_after_rgb"], float).reshape(3)
        return round(stats["ct_background_after"]), rgb.round().astype(np.uint8)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no background level stored ({error!r})") from error


def fill_outside(image: np.ndarray, mask: np.ndarray, value: int | np.ndarray) -> np.ndarray:
    """Return a copy of an image (y, x) or (y, x, 3) with ``value`` where the mask is False."""
    filled = image.copy()
    filled[~mask] = value
    return filled
