"""Pairs of grey level and local mean that training planes show, to know a strange plane by."""

from typing import Self

import numpy as np
from scipy import ndimage

BINS = 48
LOCAL_MEAN_UM = 80.0
# A pair of grey level and local mean is known if the training planes show it so often.
KNOWN_PIXELS = 20
# A plane with fewer unknown pixels is like the training planes, whatever other planes have.
LEAST_UNKNOWN = 0.05


class GreyPairs:
    """How often the training planes show each pair of grey level and local mean.

    Parameters
    ----------
    top : float
        Grey level of the last bin, beyond which all share a bin. It lies above the display's white,
        so that a denser material than any in training is seen.
    """

    def __init__(self, top: float = 65535.0) -> None:
        self._top = top
        self._counts = np.zeros(BINS**2)

    def add(self, ct: np.ndarray, mask: np.ndarray, pixel_um: float) -> None:
        """Take in one training plane: CT (y, x) and its mask (y, x)."""
        self._counts += np.bincount(self._bins(ct, pixel_um)[mask], minlength=BINS**2)

    @classmethod
    def from_known(cls, known: np.ndarray) -> Self:
        """Return the pairs that :attr:`known` has described, bool (grey level, local mean)."""
        pairs = cls()
        pairs._counts = np.where(known.ravel(), KNOWN_PIXELS, 0)
        return pairs

    @property
    def known(self) -> np.ndarray:
        """Which pairs the training planes show, bool (grey level, local mean)."""
        return (self._counts >= KNOWN_PIXELS).reshape(BINS, BINS)

    def unknown_fraction(self, ct: np.ndarray, mask: np.ndarray, pixel_um: float) -> float:
        """Return the part of a plane's mask whose pairs the training planes hardly show."""
        if not mask.any():
            return float("nan")
        return float((self._counts[self._bins(ct, pixel_um)[mask]] < KNOWN_PIXELS).mean())

    def _bins(self, ct: np.ndarray, pixel_um: float) -> np.ndarray:
        mean = ndimage.gaussian_filter(ct.astype(np.float32), LOCAL_MEAN_UM / pixel_um)
        grey, local = (
            np.clip(image * (BINS / self._top), 0, BINS - 1).astype(np.intp) for image in (ct, mean)
        )
        return grey * BINS + local
