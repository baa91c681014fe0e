"""What a slide shows in any stain: clear glass, opaque implant, and stained tissue between."""

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from virtual_staining.errors import InputError
from virtual_staining.imaging.histogram import peaks

# Stain as strong as this (log10) is tissue for certain; stronger pixels must not pull the level
# that tells pale tissue from glass.
CERTAIN_ABSORBANCE = 0.5


def smoothed(image: np.ndarray, pixel_um: float, sigma_um: float) -> np.ndarray:
    """Gaussian-smoothed copy of a grey image (y, x), float32; sigma is at least one pixel."""
    return ndimage.gaussian_filter(image.astype(np.float32), max(sigma_um / pixel_um, 1.0))


def slide_absorbance(
    slide: np.ndarray, valid: np.ndarray, pixel_um: float, sigma_um: float
) -> np.ndarray:
    """Absorbance (log10) of a slide relative to its clear glass, smoothed.

    The glass is the brightest peak of each channel's histogram.

    Parameters
    ----------
    slide : ndarray of uint8, shape (y, x, 3)
    valid : ndarray of bool, shape (y, x)
        Where the slide holds data.
    pixel_um, sigma_um : float
        Pixel size and smoothing, µm.

    Returns
    -------
    ndarray of float32, shape (y, x, 3)

    Raises
    ------
    InputError
        If no pixel is valid.
    """
    if not valid.any():
        raise InputError("slide: no pixel where both CT and slide hold data")
    channels = []
    for channel in range(3):
        smooth = smoothed(slide[..., channel], pixel_um, sigma_um)
        glass = np.float32(peaks(smooth[valid])[-1].grey)
        channels.append(-np.log10((smooth + 1) / (glass + 1)))
    return np.stack(channels, axis=-1)


def clear_and_opaque(
    absorbance: np.ndarray, valid: np.ndarray, opaque_absorbance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Tell clear glass and opaque implant from tissue.

    Parameters
    ----------
    absorbance : ndarray, shape (y, x, 3)
        From :func:`slide_absorbance`.
    valid : ndarray of bool, shape (y, x)
        Where the slide holds data.
    opaque_absorbance : float
        What is above this in R, G and B alike is opaque.

    Returns
    -------
    clear, opaque : ndarray of bool, shape (y, x)
        Clear is below half of Otsu's level in the most absorbing channel, so that pale tissue such
        as marrow does not count as glass.

    Raises
    ------
    InputError
        If the slide is uniform.
    """
    opaque = absorbance.min(axis=-1) > opaque_absorbance
    strongest = absorbance.max(axis=-1)
    sample = strongest[valid & ~opaque]
    if sample.size == 0 or sample.min() == sample.max():
        raise InputError("slide: shows neither tissue nor background; check the registration")
    level = threshold_otsu(np.clip(sample, 0, CERTAIN_ABSORBANCE))
    return strongest < 0.5 * level, opaque
