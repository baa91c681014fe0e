"""The linear map that brings a CT's bone and background to common grey levels (paper 2.5)."""

from dataclasses import dataclass

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.settings.normalize import NormalizeSettings


@dataclass(frozen=True)
class CTScaling:
    """``normalized = clip(scale * raw + offset)``, uint16."""

    scale: float
    offset: float


def ct_scaling(bone_mean: float, background_mean: float, settings: NormalizeSettings) -> CTScaling:
    """Scaling that takes the measured means to the wanted ones.

    Parameters
    ----------
    bone_mean, background_mean : float
        Means of the raw CT in the two regions.
    settings : NormalizeSettings
        Uses ``bone_mean`` and ``background_mean``.

    Raises
    ------
    InputError
        If bone is not brighter than the background.
    """
    if not bone_mean > background_mean:
        raise InputError(
            f"ct: {settings.reference_class} (mean {bone_mean:.0f}) is not brighter than the "
            f"background (mean {background_mean:.0f}); check or draw the regions"
        )
    scale = (settings.bone_mean - settings.background_mean) / (bone_mean - background_mean)
    return CTScaling(scale, settings.background_mean - scale * background_mean)


def scale_ct(ct: np.ndarray, scaling: CTScaling) -> np.ndarray:
    """Apply a scaling; uint16 of the same shape, rounded and clipped."""
    scaled = scaling.scale * ct.astype(np.float64) + scaling.offset
    return np.clip(np.rint(scaled), 0, 65535).astype(np.uint16)
