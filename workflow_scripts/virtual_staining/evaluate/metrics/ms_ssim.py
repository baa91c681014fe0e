"""MS-SSIM, the structural similarity over several scales."""

import cv2
import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, PatchPairs
from virtual_staining.evaluate.metrics.ssim import WINDOW_PX, ssim_terms

# Wang et al. 2003 (doi:10.1109/ACSSC.2003.1292216), finest scale first.
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
LEAST_COUNTED = 0.5


def ms_ssim(real: np.ndarray, generated: np.ndarray) -> float:
    """Product of the structural similarities of an image and its halvings (Wang et al. 2003).

    Contrast and structure count at every scale, luminance at the coarsest. Windows are those of
    SSIM. A patch too small for five scales has fewer, and their weights then sum to 1.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8

    Returns
    -------
    float
        0 to 1, which only identical images reach; a scale of negative mean structure counts 0.
    """
    scales = min(len(WEIGHTS), scale_count(min(real.shape[:2])))
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    images = [image.astype(np.float64) for image in (real, generated)]
    similarity = 1.0
    for scale, weight in enumerate(weights):
        (light, structure), (light_below, below) = ssim_terms(*images)
        terms = structure / below
        if scale == scales - 1:
            terms = terms * light / light_below
        similarity *= max(terms.mean(), 0.0) ** weight
        images = [_halved(image) for image in images]
    return float(similarity)


def scale_count(side_px: int) -> int:
    """Return how often a side can be halved until the window no longer fits, plus one."""
    return int(np.log2(side_px / WINDOW_PX)) + 1


def _halved(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[0] // 2, image.shape[1] // 2
    even = image[: 2 * height, : 2 * width]
    return cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA)


def compute(patches: PatchPairs) -> np.ndarray:
    """Return the MS-SSIM of each patch, shape (n,); NaN where less than half of a patch counts."""
    enough = patches.counted.mean(axis=(1, 2)) >= LEAST_COUNTED
    pairs = zip(patches.real, patches.generated, enough, strict=True)
    return np.array([ms_ssim(real, fake) if ok else np.nan for real, fake, ok in pairs])


METRIC = Metric(
    MetricColumn("ms_ssim", "MS-SSIM", unit="", higher_is_better=True, decimals=2, order=15),
    "structural similarity over up to five scales (Wang et al. 2003); forgives small shifts",
    compute,
    extended=True,
)
