"""How sure a registration is.

Two observations separate right results from wrong ones on synthetic sections, half of them shown
to the volume of another specimen: how far the best other place stays behind (the margin), and
whether independent searches end at the same place. Wrong results that only one search found had
margins up to 0.08, wrong ones found by several up to 0.03, right ones from 0.10 upwards.
``benchmarks/register.py`` prints the share of wrong results among those called sure.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

EVEN_MARGIN = 0.06  # where right and wrong are equally likely, when searches agree
EVEN_MARGIN_ALONE = 0.13  # and when only one search ended there
SPREAD = 0.015
ENOUGH = 2  # searches that must end at the same place


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


@dataclass(frozen=True)
class Found:
    """Where the search ended.

    Parameters
    ----------
    pose : ndarray, shape (12,)
        The best pose.
    mutual_information : float
        At the finest level, nats.
    margin : float
        How far, as a fraction, the best distinct other maximum stays below it; see
        :func:`~virtual_staining.register.search.coarse_to_fine.margin_to_rival`.
    agreeing, searches : int
        How many independent searches there were, and how many of them ended at this pose.
    confidence : float
        0 to 1; see :mod:`~virtual_staining.register.search.confidence`.
    """

    pose: np.ndarray
    mutual_information: float
    margin: float
    agreeing: int
    searches: int
    confidence: float
