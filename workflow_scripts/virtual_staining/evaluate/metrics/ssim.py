"""SSIM, the structural similarity of two colour images (paper equation 11)."""

import numpy as np
from skimage.metrics import structural_similarity

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, PatchPairs

PEAK = 255  # L in the paper: the largest value of an 8-bit image


def ssim(real: np.ndarray, generated: np.ndarray) -> float:
    """Structural similarity, mean over pixels and channels (paper equation 11).

    scikit-image's implementation with its default 7 × 7 uniform window, as in the paper.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
        At least 7 pixels along y and x.

    Returns
    -------
    float
        At most 1, which only identical images reach.
    """
    return float(structural_similarity(real, generated, channel_axis=-1, data_range=PEAK))


def compute(patches: PatchPairs) -> np.ndarray:
    """Return the SSIM of each patch, shape (n,)."""
    return np.array([ssim(*pair) for pair in zip(patches.real, patches.generated, strict=True)])


METRIC = Metric(
    MetricColumn("ssim", "SSIM", unit="", higher_is_better=True, decimals=2, order=10),
    "structural similarity, mean over pixels and channels (paper equation 11)",
    compute,
)
