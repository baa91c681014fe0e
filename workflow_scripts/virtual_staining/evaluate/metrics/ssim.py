"""SSIM, the structural similarity of two colour images (paper equation 11)."""

import cv2
import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, PatchPairs

PEAK = 255  # L in the paper: the largest value of an 8-bit image
WINDOW_PX = 7
REACH_PX = WINDOW_PX // 2
Pair = tuple[np.ndarray, np.ndarray]
# Stabilizers of the paper's equation: (0.01 L)² and (0.03 L)².
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def ssim_map(real: np.ndarray, generated: np.ndarray) -> np.ndarray:
    """Structural similarity of each 7 × 7 window (paper equation 11), with sample covariances.

    The sums over a window are exact 32-bit integers: the largest, 2 (49 · 255)², is 3.1 · 10⁸.
    With n = 49 pixels, equation 11 is expanded by n² for the means and n (n - 1) for the variances.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
        At least 7 pixels along y and x.

    Returns
    -------
    ndarray of float64, shape (y - 6, x - 6, 3)
        At the windows' centres.
    """
    tops, bottoms = ssim_terms(real.astype(np.int32), generated.astype(np.int32))
    similarity = tops[0] * tops[1]
    similarity /= bottoms[0] * bottoms[1]
    return similarity


def ssim_terms(first: np.ndarray, second: np.ndarray) -> tuple[Pair, Pair]:
    """Return the terms of luminance, and of contrast and structure, as fractions.

    Parameters
    ----------
    first, second : ndarray of int32 or float64, shape (y, x, 3)

    Returns
    -------
    numerators, denominators : pair of ndarray of float64, shape (y - 6, x - 6, 3)
        Of luminance (over n²) and of contrast and structure (over n (n - 1)).
    """
    n = WINDOW_PX**2
    sum_1, sum_2, squares, products = (
        _window_sums(image)
        for image in (first, second, first * first + second * second, first * second)
    )
    means = 2 * sum_1 * sum_2
    powers = sum_1 * sum_1 + sum_2 * sum_2
    numerators = means + C1 * n * n, 2 * n * products - means + C2 * n * (n - 1)
    return numerators, (powers + C1 * n * n, n * squares - powers + C2 * n * (n - 1))


def _window_sums(image: np.ndarray) -> np.ndarray:
    depth = cv2.CV_32S if image.dtype == np.int32 else cv2.CV_64F
    sums = cv2.boxFilter(image, depth, (WINDOW_PX, WINDOW_PX), normalize=False)
    return sums[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]


def ssim(similarity: np.ndarray, counted: np.ndarray) -> float:
    """Structural similarity, mean over pixels and channels (paper equation 11).

    Equal to scikit-image's with its default 7 × 7 uniform window, as in the paper.

    Parameters
    ----------
    similarity : ndarray, shape (y - 6, x - 6, 3)
        From :func:`ssim_map`.
    counted : ndarray of bool, shape (y, x)
        Windows that lie inside are averaged.

    Returns
    -------
    float
        At most 1, which only identical images reach; NaN where no window lies inside.
    """
    if counted.all():
        return float(similarity.mean())
    inside = cv2.erode(counted.astype(np.uint8), np.ones((WINDOW_PX, WINDOW_PX), np.uint8))
    centres = inside[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX].astype(bool)
    return float(similarity[centres].mean()) if centres.any() else float("nan")


def compute(patches: PatchPairs) -> np.ndarray:
    """Return the SSIM of each patch, shape (n,)."""
    pairs = zip(patches.maps(ssim_map), patches.counted, strict=True)
    return np.array([ssim(*pair) for pair in pairs])


METRIC = Metric(
    MetricColumn("ssim", "SSIM", unit="", higher_is_better=True, decimals=2, order=10, paper=True),
    "structural similarity, mean over pixels and channels (paper equation 11)",
    compute,
)
