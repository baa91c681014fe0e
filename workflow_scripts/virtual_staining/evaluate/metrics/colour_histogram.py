"""Distance of colour histograms: whether the colours are right, wherever they are."""

import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, PatchPairs

LEVELS = 256


def histogram_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Wasserstein distance of the channels' histograms, mean over channels.

    The distance is the mean number of grey levels by which the levels of one image must move to
    give the other's histogram.

    Parameters
    ----------
    real, generated : ndarray, shape (n, 3), uint8
        The colours to compare, in any order.

    Returns
    -------
    float
        Grey levels; NaN without any pixel.
    """
    if not len(real):
        return float("nan")
    distances = []
    for channel in range(3):
        counts = [np.bincount(image[:, channel], minlength=LEVELS) for image in (real, generated)]
        distances.append(np.abs(np.cumsum(counts[0] - counts[1])).sum() / len(real))
    return float(np.mean(distances))


def compute(patches: PatchPairs) -> np.ndarray:
    """Return the histogram distance of each patch, shape (n,)."""
    triples = zip(patches.real, patches.generated, patches.region, strict=True)
    return np.array([histogram_distance(real[at], fake[at]) for real, fake, at in triples])


METRIC = Metric(
    MetricColumn(
        "histogram_distance", "Histogram distance", "grey levels", False, decimals=1, order=60
    ),
    "Wasserstein distance of the colour histograms over the region, mean of the channels",
    compute,
    extended=True,
)
