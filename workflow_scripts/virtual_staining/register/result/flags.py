"""Doubts about a registration, as sentences, and the Dice coefficient of bone."""

import numpy as np
from skimage.filters import threshold_otsu

from virtual_staining.register.search.confidence import SectionResult
from virtual_staining.register.similarity.pose import SCALE_X, SCALE_Y, SHEAR
from virtual_staining.settings.register import RegisterSettings

MIN_TISSUE_FRACTION = 0.02


def is_unsure(result: SectionResult, settings: RegisterSettings) -> bool:
    """Return whether a result's confidence is below ``min_confidence``."""
    return bool(result.confidence < settings.min_confidence)


def flag_result(
    result: SectionResult, tissue_fraction: float, settings: RegisterSettings
) -> list[str]:
    """Return one sentence for each doubt; an empty list means that there is none.

    Parameters
    ----------
    result : SectionResult
    tissue_fraction : float
        Fraction of the pair's pixels where the section shows tissue and the volume holds data.
    settings : RegisterSettings
        Limits.
    """
    flags = []
    for name, value, limit in (
        ("scale_x", result.pose[SCALE_X], settings.max_scale),
        ("scale_y", result.pose[SCALE_Y], settings.max_scale),
        ("shear", result.pose[SHEAR], settings.max_shear),
    ):
        if abs(value) > limit:
            flags.append(f"{name} {value:+.3f} is beyond ±{limit:g}")
    if is_unsure(result, settings):
        flags.append(
            f"confidence {result.confidence:.2f} is below {settings.min_confidence:g}: another "
            f"pose fits nearly as well (margin {result.margin:.3f}), or too few searches ended "
            f"at this pose ({result.agreeing} of {result.searches})"
        )
    if tissue_fraction < MIN_TISSUE_FRACTION:
        flags.append("no tissue of the section overlaps the volume")
    return flags


def bone_dice(histogram: np.ndarray) -> float:
    """Return the Dice coefficient of bone in the CT plane and bone in the section.

    Bone in the CT plane are the grey bins above Otsu's threshold; bone in the section are the
    colour classes of which most pixels lie on bone in the CT plane.

    Parameters
    ----------
    histogram : ndarray, shape (classes, bins)
        Joint histogram at the result's pose.

    Returns
    -------
    float
        0 to 1; NaN if the plane holds a single grey value.
    """
    grey = histogram.sum(0)
    if np.count_nonzero(grey) < 2:
        return float("nan")
    threshold = int(threshold_otsu(hist=(grey, np.arange(len(grey)))))
    bright = histogram[:, threshold + 1 :].sum(1)
    pixels = histogram.sum(1)
    bone = bright > 0.5 * pixels
    return float(2 * bright[bone].sum() / (bright.sum() + pixels[bone].sum()))
