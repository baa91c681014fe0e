"""White balance and contrast stretch of the slide (paper 2.5)."""

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.settings.normalize import NormalizeSettings


def white_balance_gains(background_rgb: np.ndarray) -> np.ndarray:
    """Return the gains (3,) that make the mean background equal in R, G and B.

    The mean brightness of the background stays the same.

    Parameters
    ----------
    background_rgb : ndarray, shape (3,)
        Means of R, G and B in the background region, 8-bit levels.

    Raises
    ------
    InputError
        If a channel of the background is black.
    """
    background_rgb = np.asarray(background_rgb, float)
    if (background_rgb <= 0).any():
        raise InputError(f"slide: background is black in a channel ({background_rgb.round(1)})")
    return background_rgb.mean() / background_rgb


def stretch_bounds(
    bone_rgb: np.ndarray, background_rgb: np.ndarray, settings: NormalizeSettings
) -> tuple[float, float]:
    """Return the contrast bounds ``(f_min, f_max)``, common to the three channels.

    ``f_min = min over RGB of the bone's 1st percentile − c``, not below 10;
    ``f_max = max over RGB of the background's 99th percentile + c′``, not above 255.

    Parameters
    ----------
    bone_rgb, background_rgb : ndarray, shape (n, 3)
        White-balanced intensities in the two regions, 8-bit units.
    settings : NormalizeSettings
        Percentiles, margins c and c′, clamps.

    Raises
    ------
    InputError
        If the bounds cross: the regions show no contrast.
    """
    low = np.percentile(bone_rgb, settings.low_percentile, axis=0).min() - settings.low_margin
    high = np.percentile(background_rgb, settings.high_percentile, axis=0).max()
    f_min = max(low, settings.low_clamp)
    f_max = min(high + settings.high_margin, settings.high_clamp)
    if not f_max > f_min:
        raise InputError(
            f"slide: {settings.reference_class} is not darker than the background (bounds "
            f"{f_min:.0f} and {f_max:.0f}); check or draw the regions"
        )
    return float(f_min), float(f_max)


def stretch(slide: np.ndarray, gains: np.ndarray, f_min: float, f_max: float) -> np.ndarray:
    """White-balance and stretch a slide (y, x, 3) to uint8: f_min becomes 0, f_max 255."""
    balanced = slide.astype(np.float32) * gains.astype(np.float32)
    stretched = (balanced - f_min) * np.float32(255 / (f_max - f_min))
    return np.clip(np.rint(stretched), 0, 255).astype(np.uint8)
