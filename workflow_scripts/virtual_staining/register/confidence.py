"""How sure a registration is.

Two observations separate right results from wrong ones on synthetic sections, half of them shown
to the volume of another specimen: how far the best other place stays behind (the margin), and
whether independent searches end at the same place. Wrong results that only one search found had
margins up to 0.08, wrong ones found by several up to 0.03, right ones from 0.10 upwards.
``benchmarks/register.py`` prints the share of wrong results among those called sure.
"""

import numpy as np
from scipy.special import expit
from skimage.filters import threshold_otsu

EVEN_MARGIN = 0.06  # where right and wrong are equally likely, when searches agree
EVEN_MARGIN_ALONE = 0.13  # and when only one search ended there
SPREAD = 0.015


def confidence(margin: float, agreeing: int) -> float:
    """Return how sure a result is, 0 to 1: a logistic curve of the margin.

    Parameters
    ----------
    margin : float
        Fraction of the mutual information by which the best other place stays behind.
    agreeing : int
        Number of independent searches that ended at the result.
    """
    even = EVEN_MARGIN if agreeing > 1 else EVEN_MARGIN_ALONE
    return float(expit((margin - even) / SPREAD))


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
