"""SSIM, the structural similarity of two colour images (paper equation 11)."""

import numpy as np
from scipy import ndimage
from skimage.metrics import structural_similarity

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, PatchPairs

PEAK = 255  # L in the paper: the largest value of an 8-bit image
REACH_PX = 3  # of the 7 × 7 window, from its centre


def ssim(real: np.ndarray, generated: np.ndarray, counted: np.ndarray) -> float:
    """Structural similarity, mean over pixels and channels (paper equation 11).

    scikit-image's implementation with its default 7 × 7 uniform window, as in the paper.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
        At least 7 pixels along y and x.
    counted : ndarray of bool, shape (y, x)
        Windows that lie inside are averaged.

    Returns
    -------
    float
        At most 1, which only identical images reach; NaN where no window lies inside.
    """
    centres = ndimage.binary_erosion(counted, np.ones((3, 3)), iterations=REACH_PX)
    if not centres.any():
        return float("nan")
    _, map_ = structural_similarity(real, generated, channel_axis=-1, data_range=PEAK, full=True)
    return float(map_[centres].mean())


def compute(patches: PatchPairs) -> np.ndarray:
    """Return the SSIM of each patch, shape (n,)."""
    triples = zip(patches.real, patches.generated, patches.counted, strict=True)
    return np.array([ssim(*triple) for triple in triples])


METRIC = Metric(
    MetricColumn("ssim", "SSIM", unit="", higher_is_better=True, decimals=2, order=10),
    "structural similarity, mean over pixels and channels (paper equation 11)",
    compute,
)
