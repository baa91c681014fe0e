"""A pair of images with its mask, in memory."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrainingPair:
    """One normalized CT plane and slide, pixel on pixel.

    Parameters
    ----------
    sample : str
        Id of the sample.
    ct : ndarray, shape (y, x), uint16
        Bone mean 30000, background mean 10000.
    slide : ndarray, shape (y, x, 3), uint8
        White-balanced and stretched.
    mask : ndarray, shape (y, x), bool
        True where CT and slide show the same tissue.
    outside : ndarray, shape (y, x), bool, optional
        True outside the mask where both images hold data from which something can be learned.
    levels : (background, bone), optional
        Mean normalized grey levels of background and reference tissue, 16-bit.
    """

    sample: str
    ct: np.ndarray
    slide: np.ndarray
    mask: np.ndarray
    outside: np.ndarray | None = None
    levels: tuple[float, float] | None = None


def fill_outside(image: np.ndarray, mask: np.ndarray, value: int | np.ndarray) -> np.ndarray:
    """Return a copy of an image (y, x) or (y, x, 3) with ``value`` where the mask is False."""
    filled = image.copy()
    filled[~mask] = value
    return filled
