"""Whether a CT plane looks like the planes that were trained on."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

BINS = 48
LOCAL_MEAN_UM = 80.0
# A pair of grey level and local mean is known if the training pairs show it so often.
KNOWN_PIXELS = 20
# A slide with fewer unknown pixels is like the training planes, whatever the others have.
LEAST_UNKNOWN = 0.05
# A spread is unusual from so many times the median spread of the calibration slides on.
LEAST_FACTOR = 1.5


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


def alarm_level(values: Sequence[float], least: float = 0.0) -> float:
    """Return the level above which a slide is unlike the calibration slides.

    As far above their largest value as that lies above their median: a slide above the largest
    alone is one of n + 1 by chance. At least 1.5 times the median, and at least ``least``.
    """
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    if not len(known):
        return float("nan")
    median = np.median(known)
    return float(max(2 * known.max() - median, LEAST_FACTOR * median, least))
