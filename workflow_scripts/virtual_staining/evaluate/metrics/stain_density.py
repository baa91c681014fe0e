"""Optical densities of two stains; holds no metric, but what the metrics of both stains use."""

import numpy as np

from virtual_staining.evaluate.metric import PatchPairs

# A pixel fainter than this (mean optical density) is glass, and one darker is opaque.
FAINT, OPAQUE = 0.05, 1.0
# The stains' directions lie at these percentiles of the angle in the plane of the colours.
PERCENTILES = 1, 99
LEAST_PIXELS, MOST_PIXELS = 100, 20_000


def optical_density(colours: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return decadic optical densities of colours against the background's, shape (…, 3)."""
    levels = np.maximum(np.arange(256), 1)[:, None]
    light = np.minimum(levels / np.maximum(background, 1), 1)
    density = -np.log10(light).astype(np.float32)
    return np.stack([density[colours[..., channel], channel] for channel in range(3)], axis=-1)


def stain_directions(density: np.ndarray) -> np.ndarray | None:
    """Find the two stains of a real slide (Macenko et al. 2009, doi:10.1109/ISBI.2009.5193250).

    The densities' two main directions span a plane; the stains are the extreme directions in it.

    Parameters
    ----------
    density : ndarray, shape (n, 3)
        Optical densities.

    Returns
    -------
    ndarray, shape (2, 3), or None
        Unit vectors; the first absorbs red most (a blue stain such as hematoxylin or toluidine
        blue), the second less (eosin, or toluidine blue's purple). None with too few stained
        pixels.
    """
    mean = density.mean(axis=-1)
    stained = density[(mean > FAINT) & (mean < OPAQUE)]
    stained = stained[:: max(len(stained) // MOST_PIXELS, 1)]
    if len(stained) < LEAST_PIXELS:
        return None
    _, _, axes = np.linalg.svd(stained.T @ stained)
    plane = axes[:2] * np.sign(axes[:2].sum(axis=1))[:, None]
    angles = np.arctan2(stained @ plane[1], stained @ plane[0])
    ends = np.percentile(angles, PERCENTILES)
    directions = np.maximum(np.c_[np.cos(ends), np.sin(ends)] @ plane, 0)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    red = directions[:, 0] / directions.sum(axis=1)
    return directions[np.argsort(-red)]


def amounts(density: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Split optical densities into two stains, neither of them negative (least squares).

    Parameters
    ----------
    density : ndarray, shape (…, 3)
    directions : ndarray, shape (2, 3)

    Returns
    -------
    ndarray, shape (…, 2)
    """
    both = density @ np.linalg.pinv(directions).astype(density.dtype)
    negative = both < 0
    mixed = negative.any(axis=-1)
    alone = density[mixed] @ directions.T.astype(density.dtype)  # either stain without the other
    both[mixed] = np.where(negative[mixed], 0, np.maximum(alone, 0))
    return both


def density_errors(patches: PatchPairs, stain: int) -> np.ndarray:
    """Return the mean absolute error of one stain's density for each patch, shape (n,).

    The stains' directions come from the real patches alone. NaN where these show too little stain
    to find the directions, or a patch's region is empty.
    """
    real = optical_density(patches.real, patches.background)
    directions = stain_directions(real[patches.region])
    if directions is None:
        return np.full(len(real), np.nan)
    generated = optical_density(patches.generated, patches.background)
    errors = []
    for one, other, region in zip(real, generated, patches.region, strict=True):
        if region.any():
            pair = (amounts(image[region], directions)[:, stain] for image in (one, other))
            errors.append(float(np.abs(np.subtract(*pair)).mean()))
        else:
            errors.append(np.nan)
    return np.array(errors)
