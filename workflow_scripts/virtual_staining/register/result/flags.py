"""What is doubtful about a registration: sentences, and the Dice coefficient of bone."""

import numpy as np
from skimage.filters import threshold_otsu

from virtual_staining.register.search.confidence import Found
from virtual_staining.settings.register import RegisterSettings

MIN_TISSUE_FRACTION = 0.02


def is_unsure(found: Found, settings: RegisterSettings) -> bool:
    """Tell whether a result's confidence is below the bar."""
    return bool(found.confidence < settings.min_confidence)


def flag_result(found: Found, tissue_fraction: float, settings: RegisterSettings) -> list[str]:
    """Return one sentence for each doubt; an empty list means none.

    Parameters
    ----------
    found : Found
        What the search found.
    tissue_fraction : float
        Part of the pair's pixels where the section shows tissue and the volume holds data.
    settings : RegisterSettings
        Limits.
    """
    flags = []
    for name, value, limit in (
        ("scale_x", found.pose[9], settings.max_scale),
        ("scale_y", found.pose[10], settings.max_scale),
        ("shear", found.pose[11], settings.max_shear),
    ):
        if abs(value) > limit:
            flags.append(f"{name} {value:+.3f} is beyond ±{limit:g}")
    if is_unsure(found, settings):
        flags.append(
            f"confidence {found.confidence:.2f} is below {settings.min_confidence:g}: another "
            f"place fits nearly as well (margin {found.margin:.3f}), or too few searches ended "
            f"here ({found.agreeing} of {found.searches})"
        )
    if tissue_fraction < MIN_TISSUE_FRACTION:
        flags.append("no tissue of the section overlaps the volume")
    return flags


def bone_dice(histogram: np.ndarray) -> float:
    """Return the Dice coefficient of what is bright in CT and what the colours say is.

    Otsu's threshold divides the plane's grey values; a colour class counts as bright when most
    of its pixels lie on bright CT.

    Parameters
    ----------
    histogram : ndarray, shape (classes, bins)
        Joint histogram at the result.

    Returns
    -------
    float
        0 to 1; NaN when the plane holds a single grey value.
    """
    grey = histogram.sum(0)
    if np.count_nonzero(grey) < 2:
        return float("nan")
    threshold = int(threshold_otsu(hist=(grey, np.arange(len(grey)))))
    bright = histogram[:, threshold + 1 :].sum(1)
    pixels = histogram.sum(1)
    taken = bright > 0.5 * pixels
    return float(2 * bright[taken].sum() / (bright.sum() + pixels[taken].sum()))
