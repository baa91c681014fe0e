"""Perceived colour difference, CIEDE2000."""

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, PatchPairs


def delta_e_2000(real: np.ndarray, generated: np.ndarray, region: np.ndarray) -> float:
    """Mean CIEDE2000 colour difference over a region (Sharma et al. 2005, doi:10.1002/col.20070).

    A difference of 1 is just noticeable side by side; 100 is about black against white.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
        sRGB.
    region : ndarray of bool, shape (y, x)

    Returns
    -------
    float
        0 for identical colours; NaN where the region is empty.
    """
    if not region.any():
        return float("nan")
    # Single precision is twice as quick, and differs by 0.0002 at most.
    colours = (rgb2lab(image[region] / np.float32(255)) for image in (real, generated))
    return float(deltaE_ciede2000(*colours).mean())


def compute(patches: PatchPairs) -> np.ndarray:
    """Return the mean colour difference of each patch, shape (n,)."""
    triples = zip(patches.real, patches.generated, patches.region, strict=True)
    return np.array([delta_e_2000(*triple) for triple in triples])


METRIC = Metric(
    MetricColumn("delta_e_2000", "ΔE2000", unit="", higher_is_better=False, decimals=1, order=40),
    "colour difference that people see (CIEDE2000), mean over the region; 1 is just noticeable",
    compute,
)
