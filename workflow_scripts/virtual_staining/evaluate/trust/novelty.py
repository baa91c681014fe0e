"""Whether a CT plane looks like the planes that were trained on."""

from collections.abc import Sequence

import numpy as np

# A spread is unusual from so many times the median spread of the calibration slides on.
LEAST_FACTOR = 1.5


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
