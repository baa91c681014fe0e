"""White balance and contrast stretch of the slide (paper 2.5)."""

from collections.abc import Sequence

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
    tissues_rgb: Sequence[np.ndarray], background_rgb: np.ndarray, settings: NormalizeSettings
) -> tuple[float, float]:
    """Return the contrast bounds ``(f_min, f_max)``, common to the three channels.

    ``f_min = min over RGB of the bone's 1st percentile − c``, not below 10;
    ``f_max = max over RGB of the background's 99th percentile + c′``, not above 255. Mature and
    new bone each give a percentile, of which the lower counts: new bone takes another colour, and
    where a section holds little of it most would lie below the percentile of all bone.

    Parameters
    ----------
    tissues_rgb : sequence of ndarray, shape (n, 3)
        White-balanced intensities of each kind of bone, 8-bit units.
    background_rgb : ndarray, shape (n, 3)
        White-balanced intensities of the background.
    settings : NormalizeSettings
        Percentiles, margins c and c′, clamps.

    Raises
    ------
    InputError
        If the bounds cross: the regions show no contrast.
    """
    low = min(np.percentile(rgb, settings.low_percentile, axis=0).min() for rgb in tissues_rgb)
    high = np.percentile(background_rgb, settings.high_percentile, axis=0).max()
    f_min = max(low - settings.low_margin, settings.low_clamp)
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


def clipped_fractions(
    slide: np.ndarray, gains: np.ndarray, bounds: tuple[float, float], region: np.ndarray
) -> dict[str, float]:
    """Fractions of a region's pixels outside the contrast bounds.

    Parameters
    ----------
    slide : ndarray of uint8, shape (y, x, 3)
    gains : ndarray, shape (3,)
    bounds : (f_min, f_max)
        After white balance, 8-bit units.
    region : ndarray of bool, shape (y, x)

    Returns
    -------
    dict
        ``r``, ``g``, ``b`` and ``any`` (of the three); zeros where the region is empty.
    """
    rgb = slide[region] * gains
    outside = (rgb < bounds[0]) | (rgb > bounds[1])
    shares = np.append(outside.mean(axis=0), outside.any(axis=1).mean()) if len(rgb) else [0.0] * 4
    return {name: float(share) for name, share in zip(("r", "g", "b", "any"), shares, strict=True)}
