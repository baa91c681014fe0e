"""Grey levels that training planes show, to know a strange plane by."""

from typing import Self

import numpy as np
from scipy import ndimage

BINS = 48
LOCAL_MEAN_UM = 80.0
# A pair of grey level and local mean is known if the training planes show it so often.
KNOWN_PIXELS = 20
# A plane with fewer unknown pixels is like the training planes, whatever other planes have.
LEAST_UNKNOWN = 0.05
# Matter is flat where the grey level varies by less, 5 % of the way from background to bone in a
# normalized CT; levels that differ by no more are alike.
FLAT = 1000.0
LEVELS = 128
ALIKE = round(FLAT * LEVELS / 65536)
# Flat matter is unknown where a plane has so many times more of it than any training plane: the
# rim of soft tissue, or a streak, may be as grey as a polymer, which fills a part of the plane.
TIMES_MORE = 5.0


class GreyPairs:
    """Which pairs of grey level and local mean, and which flat matter, the training planes show.

    A pair alone does not tell a new material whose grey level is that of an edge between known
    ones. Such a material is flat, and an edge is not. How much of it there is counts as well.

    Parameters
    ----------
    top : float
        Grey level of the last bin, beyond which all share a bin. It lies above the display's white,
        so that a denser material than any in training is seen.
    """

    def __init__(self, top: float = 65535.0) -> None:
        self._top = top
        self._counts = np.zeros(BINS**2)
        self._flat = np.zeros(LEVELS)

    def add(self, ct: np.ndarray, mask: np.ndarray, pixel_um: float) -> None:
        """Take in one training plane: CT (y, x) and its mask (y, x)."""
        pairs, levels, flat = self._read(ct, pixel_um)
        self._counts += np.bincount(pairs[mask], minlength=BINS**2)
        self._flat = np.maximum(self._flat, _parts(levels, flat, mask))

    @classmethod
    def from_known(cls, known: np.ndarray, known_flat: np.ndarray) -> Self:
        """Return what :attr:`known` and :attr:`known_flat` have described."""
        pairs = cls()
        pairs._counts = np.where(known.ravel(), KNOWN_PIXELS, 0)
        pairs._flat = known_flat.astype(float)
        return pairs

    @property
    def known(self) -> np.ndarray:
        """Which pairs the training planes show, bool (grey level, local mean)."""
        return (self._counts >= KNOWN_PIXELS).reshape(BINS, BINS)

    @property
    def known_flat(self) -> np.ndarray:
        """Largest part of a training plane that is flat, at each level, float (level,)."""
        return self._flat

    def unknown_fraction(self, ct: np.ndarray, mask: np.ndarray, pixel_um: float) -> float:
        """Return the part of a plane's mask that the training planes hardly show."""
        if not mask.any():
            return float("nan")
        pairs, levels, flat = self._read(ct, pixel_um)
        more = _alike(_parts(levels, flat, mask)) > TIMES_MORE * _alike(self._flat)
        unknown = (self._counts[pairs] < KNOWN_PIXELS) | (flat & more[levels])
        return float(unknown[mask].mean())

    def _read(self, ct: np.ndarray, pixel_um: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return each pixel's pair, level of its local mean, and whether it is flat."""
        image, sigma = ct.astype(np.float32), LOCAL_MEAN_UM / pixel_um
        mean = ndimage.gaussian_filter(image, sigma)
        # Of differences from the plane's mean: squares of grey levels would lose the small ones.
        offset = image - image.mean()
        squares = ndimage.gaussian_filter(offset * offset, sigma)
        variance = squares - np.square(mean - image.mean())
        grey, local = (
            np.clip(values * (BINS / self._top), 0, BINS - 1).astype(np.intp)
            for values in (image, mean)
        )
        levels = np.clip(mean * (LEVELS / self._top), 0, LEVELS - 1).astype(np.intp)
        return grey * BINS + local, levels, variance < FLAT**2


def _parts(levels: np.ndarray, flat: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the part of a mask that is flat, at each level."""
    pixels = max(int(np.count_nonzero(mask)), 1)
    return np.bincount(levels[mask & flat], minlength=LEVELS) / pixels


def _alike(parts: np.ndarray) -> np.ndarray:
    """Return the sum of the parts at all levels that are alike to each level."""
    return np.convolve(parts, np.ones(2 * ALIKE + 1), "same")
