"""Agreement of two methods over slides: bias, limits of agreement and intraclass correlation."""

import numpy as np


def bland_altman(real: np.ndarray, virtual: np.ndarray) -> tuple[float, float, float]:
    """Bias and 95 % limits of agreement (Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8).

    Parameters
    ----------
    real, virtual : ndarray, shape (n,)
        One value a slide.

    Returns
    -------
    bias, low, high : float
        Mean of virtual less real, and 1.96 standard deviations below and above; the limits are NaN
        with fewer than two slides.
    """
    differences = virtual - real
    if not len(differences):
        return (float("nan"),) * 3
    bias = float(differences.mean())
    spread = 1.96 * float(differences.std(ddof=1)) if len(differences) > 1 else float("nan")
    return bias, bias - spread, bias + spread


def intraclass_correlation(ratings: np.ndarray) -> float:
    """ICC(2,1): two-way random effects, absolute agreement, single rating (Shrout and Fleiss 1979).

    Parameters
    ----------
    ratings : ndarray, shape (slides, methods)

    Returns
    -------
    float
        1 where the methods agree and slides differ; NaN with fewer than three slides or where
        nothing differs.
    """
    n, k = ratings.shape
    if n < 3:
        return float("nan")
    mean = ratings.mean()
    rows = k * np.square(ratings.mean(axis=1) - mean).sum() / (n - 1)
    columns = n * np.square(ratings.mean(axis=0) - mean).sum() / (k - 1)
    total = np.square(ratings - mean).sum()
    error = (total - rows * (n - 1) - columns * (k - 1)) / ((n - 1) * (k - 1))
    below = rows + (k - 1) * error + k * (columns - error) / n
    return float((rows - error) / below) if below > 1e-12 * max(mean**2, 1e-300) else float("nan")
