"""Whether a CT plane looks like the planes that were trained on."""

from collections.abc import Sequence

import numpy as np

# A part of a plane is unusual from so many times the part that chance alone makes unknown on.
TIMES_CHANCE = 5.0
# A spread is unusual from so many times the median spread of the calibration slides on.
LEAST_FACTOR = 1.5


def unknown_level(fractions: Sequence[float], least: float) -> float:
    """Return the unknown part of a plane above which it is unlike the training planes.

    Calibration slides may themselves show what no training plane does, such as the only alloy of
    its kind, and must not make every strange material look usual. So the one that shows least
    tells how much chance makes unknown; the level is five times that, at least ``least``.
    """
    known = np.asarray(fractions, float)
    known = known[~np.isnan(known)]
    return float(max(TIMES_CHANCE * known.min(), least)) if len(known) else float("nan")


def alarm_level(values: Sequence[float]) -> float:
    """Return the spread above which a slide is unlike the calibration slides.

    As far above their largest value as that lies above their median: a slide above the largest
    alone is one of n + 1 by chance. At least 1.5 times the median.
    """
    known = np.asarray(values, float)
    known = known[~np.isnan(known)]
    if not len(known):
        return float("nan")
    median = np.median(known)
    return float(max(2 * known.max() - median, LEAST_FACTOR * median))
