"""Gaussian smoothing of images before losses compare them."""

import math

import torch
from torch.nn.functional import conv2d, pad

REACH = 3  # standard deviations at which the Gaussian is cut off


def smooth(images: torch.Tensor, sigma_px: float) -> torch.Tensor:
    """Smooth images by a Gaussian, reflected at their borders.

    Parameters
    ----------
    images : Tensor, shape (n, c, h, w)
        Images larger than the Gaussian's reach of three standard deviations.
    sigma_px : float
        Standard deviation; 0 returns the images as they are.

    Returns
    -------
    Tensor, shape (n, c, h, w)
    """
    if not sigma_px:
        return images
    reach = math.ceil(REACH * sigma_px)
    at = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    weights = torch.exp(-((at / sigma_px) ** 2) / 2)
    weights = weights / weights.sum()
    channels = images.shape[1]
    grown = pad(images, (reach, reach, reach, reach), mode="reflect")
    rows = conv2d(grown, weights.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
    return conv2d(rows, weights.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
