"""SSIM and PSNR of two colour images (paper equations 11 to 13)."""

import numpy as np
from skimage.metrics import structural_similarity

PEAK = 255  # L in equation 12: the largest value of an 8-bit image


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


def psnr_db(real: np.ndarray, generated: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB (paper equations 12 and 13).

    The ratio of identical images is infinite, and quantiles of infinite values are undefined;
    their mean squared error is therefore set to the smallest that 8-bit images can have, one
    grey level in one value (101 dB for 256 × 256 RGB).

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
        N in equation 13 counts pixels and channels.
    """
    mse = np.mean((real.astype(np.float64) - generated) ** 2)
    return float(10 * np.log10(PEAK**2 / max(mse, 1 / real.size)))
