"""The result of a section's search, and how sure it is.

Two observations separate right results from wrong ones on synthetic sections, half of which were
searched in the volume of another specimen: the margin, by which the best other maximum of mutual
information stays below the chosen one, and whether independent searches end at the same maximum.
Wrong results that a single search reached had margins up to 0.08, wrong ones that several searches
reached up to 0.03, right ones from 0.10 upwards. ``benchmarks/register.py`` prints the share of
wrong results among those called sure.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

EVEN_MARGIN = 0.06  # margin at which right and wrong are equally likely, when searches agree
EVEN_MARGIN_ALONE = 0.13  # the same when only one search ended at the maximum
SPREAD = 0.015  # of the margin, over which the confidence rises from 0.27 to 0.73 around it
AGREEING_SEARCHES = 2  # searches that must end at the same maximum


def confidence(margin: float, agreeing: int) -> float:
    """Return how sure a result is, 0 to 1: a logistic curve of the margin.

    Parameters
    ----------
    margin : float
        Fraction of the mutual information by which the best other maximum stays below.
    agreeing : int
        Number of independent searches that ended at the result.
    """
    even = EVEN_MARGIN if agreeing > 1 else EVEN_MARGIN_ALONE
    return float(expit((margin - even) / SPREAD))


@dataclass(frozen=True)
class SectionResult:
    """The pose at which the search of a section ended.

    Parameters
    ----------
    pose : ndarray, shape (12,)
        The best pose.
    mutual_information : float
        At the finest scale, nats.
    margin : float
        Fraction by which the best other maximum stays below the mutual information; see
        :func:`~virtual_staining.register.search.coarse_to_fine.margin_to_rival`.
    agreeing, searches : int
        Number of independent searches that ended at this pose, and of all searches.
    confidence : float
        0 to 1; see :func:`confidence`.
    """

    pose: np.ndarray
    mutual_information: float
    margin: float
    agreeing: int
    searches: int
    confidence: float
