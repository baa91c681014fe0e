"""One colour for each voxel from planes along several axes, and how far these planes disagree."""

import numpy as np


def alpha_channel(rgb: np.ndarray) -> np.ndarray:
    """Return ``255 - mean(R, G, B)``, rounded half up, uint8 (paper 2.11).

    White background becomes transparent, dark tissue opaque.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (3, ...)
        Channels first.
    """
    total = rgb.sum(axis=0, dtype=np.uint16)
    # round(255 - total / 3) in integers
    return ((2 * (765 - total) + 3) // 6).astype(np.uint8)


def fuse(rgb: np.ndarray, deviation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average the colours that a voxel has in the planes of several axes.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (n, 3, ...)
        Colours along n axes.
    deviation : ndarray of float32, shape (n, ...)
        Standard deviation of the results that each of these colours averages, 8-bit levels.

    Returns
    -------
    rgb : ndarray of uint8, shape (3, ...)
    deviation : ndarray of float32
        Standard deviation of all results, that over the axes and that along each axis together:
        the root of the variance's mean over the three colours.
    """
    if len(rgb) == 1:
        return rgb[0], deviation[0]
    mean = rgb.mean(axis=0, dtype=np.float32)
    over_axes = np.square(rgb - mean).mean(axis=(0, 1), dtype=np.float32)
    variance = over_axes + np.square(deviation).mean(axis=0)
    return np.floor(mean + np.float32(0.5)).astype(np.uint8), np.sqrt(variance)


def clear(rgba: np.ndarray, where: np.ndarray) -> None:
    """Make voxels white and transparent, in place.

    Parameters
    ----------
    rgba : ndarray, uint8, shape (4, ...)
        The voxels.
    where : ndarray, bool, shape (...)
        Voxels that are cleared: outside the specimen, or not measured.
    """
    rgba[:3, where] = 255
    rgba[3, where] = 0
