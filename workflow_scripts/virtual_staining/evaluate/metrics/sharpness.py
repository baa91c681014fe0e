"""Sharpness: how much fine detail a stained slide has, relative to the real one."""

import cv2
import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, PatchPairs

# Detail is what a Gaussian of this width takes away, pixels.
DETAIL_SIGMA_PX = 1.5
REACH_PX = 6  # of the Gaussian, which is cut at four widths
# Detail below one grey level (root mean square) is rounding, and no slide is sharp against it.
LEAST_DETAIL = 1.0
# Pixels this near to the region's edge see what lies outside the region.
EDGE_PX = 3


def sharpness(real: np.ndarray, generated: np.ndarray, region: np.ndarray) -> float:
    """Energy of fine detail of the generated slide over that of the real slide.

    Energy is the mean square over the region without its outermost pixels. Noise counts as detail.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x)
        From :func:`detail`.
    region : ndarray of bool, shape (y, x)

    Returns
    -------
    float
        1 where both have as much detail, less for a blurred slide; NaN where the region is too
        narrow or the real slide has less than one grey level of detail.
    """
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(region.astype(np.uint8), cross, iterations=EDGE_PX, borderValue=0) > 0
    if not inner.any():
        return float("nan")
    energies = [np.square(image[inner]).mean() for image in (generated, real)]
    return float(energies[0] / energies[1]) if energies[1] >= LEAST_DETAIL**2 else float("nan")


def detail(image: np.ndarray) -> np.ndarray:
    """Return the grey image (mean of the channels) less its smoothed copy, float32 (y, x)."""
    grey = image.mean(axis=-1, dtype=np.float32)
    side = 2 * REACH_PX + 1
    return grey - cv2.GaussianBlur(
        grey, (side, side), DETAIL_SIGMA_PX, borderType=cv2.BORDER_REFLECT
    )


def details(images: np.ndarray) -> list[np.ndarray]:
    """Return the :func:`detail` of several patches, shape (n, y, x, 3)."""
    return [detail(image) for image in images]


def compute(patches: PatchPairs) -> np.ndarray:
    """Return the sharpness of each patch, shape (n,)."""
    images = (patches.once(details, stack) for stack in (patches.real, patches.generated))
    triples = zip(*images, patches.region, strict=True)
    return np.array([sharpness(*triple) for triple in triples])


METRIC = Metric(
    MetricColumn("sharpness", "Sharpness", "", True, decimals=2, order=50, best=1.0),
    "energy of detail finer than a Gaussian of 1.5 px, generated over real; noise counts as detail",
    compute,
)
