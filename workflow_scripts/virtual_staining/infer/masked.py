"""Images with everything outside the correspondence mask set to the background (paper 2.8)."""

import numpy as np

CT_BACKGROUND = 10000  # the level to which normalization brings the CT's background (paper 2.5)
SLIDE_WHITE = 255


def slide_background(slide: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the mean colour of a real slide's background.

    The background is taken as the brighter half of what lies outside the mask: loose tissue and
    embedded debris there are darker.

    Parameters
    ----------
    slide : ndarray, shape (y, x, 3), uint8
        Normalized slide.
    mask : ndarray, shape (y, x), bool
        Correspondence mask.

    Returns
    -------
    ndarray, shape (3,), uint8
        White where no background is in view.
    """
    outside = slide[~mask].astype(float)
    if not len(outside):
        return np.full(3, SLIDE_WHITE, np.uint8)
    brightness = outside.mean(1)
    clear = outside[brightness >= np.percentile(brightness, 50)]
    return clear.mean(0).round().astype(np.uint8)


def fill_outside(image: np.ndarray, mask: np.ndarray, value: int | np.ndarray) -> np.ndarray:
    """Return a copy of an image (y, x) or (y, x, 3) with ``value`` where the mask is False."""
    filled = image.copy()
    filled[~mask] = value
    return filled
