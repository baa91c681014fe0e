"""Spread of repeated stainings, scaled to an error that holds on most slides."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy import ndimage, stats

# The error is averaged over so many pixels, so that a shift of a pixel does not count as doubt.
ERROR_PX = 5
# An error and a spread below one grey level are rounding.
LEAST = 1.0


@dataclass(frozen=True)
class Slide:
    """The pixels of one held-out slide inside its mask.

    Parameters
    ----------
    error : ndarray, shape (n,)
        Absolute difference of stained and real slide, mean of R, G and B and of neighbours, levels.
    spread : ndarray, shape (n,)
        From :func:`combine`, grey levels.
    dense : ndarray of bool, shape (n,)
        Rigid in the CT; rigid and other tissue are scaled apart.
    """

    error: np.ndarray
    spread: np.ndarray
    dense: np.ndarray


@dataclass(frozen=True)
class Calibration:
    """What turns a spread into an uncertainty.

    Parameters
    ----------
    offsets, factors : (other, dense)
        The uncertainty before calibration is ``factor * (spread + offset)``.
    quantile : float
        The uncertainty is so many times larger.
    slides : int
        Slides that it was calibrated on.
    calibrated : bool
        False where the slides are too few for the promise.
    """

    offsets: tuple[float, float]
    factors: tuple[float, float]
    quantile: float
    slides: int
    calibrated: bool

    def uncertainty(self, spread: np.ndarray, dense: np.ndarray) -> np.ndarray:
        """Return the largest error to expect at each pixel, grey levels, of the spread's shape."""
        return self.quantile * scaled(spread, dense, self.offsets, self.factors)


def combine(
    means: Sequence[np.ndarray], spreads: Sequence[np.ndarray], mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Join the stainings of several folds into one mean and one spread.

    Mirror images and folds add their variances, which gives the order of the places. The level is
    that of the mirror images alone: a calibration slide is stained by the one fold that did not
    train on it, and only the same measure can be compared with its spread.

    Parameters
    ----------
    means : sequence of ndarray, shape (y, x, 3)
        Stained slides, each the mean of its mirror images.
    spreads : sequence of ndarray, shape (y, x)
        Standard deviation over the mirror images, mean of R, G and B.
    mask : ndarray of bool, shape (y, x)
        Where the level is measured.

    Returns
    -------
    mean : ndarray, shape (y, x, 3), float64
    spread : ndarray, shape (y, x), float64
        Grey levels.
    """
    stack = np.stack([np.asarray(image, float) for image in means])
    within = np.mean([np.square(np.asarray(spread, float)) for spread in spreads], axis=0)
    between = stack.std(axis=0).mean(axis=-1)
    spread = np.sqrt(within + np.square(between))
    if between[mask].any():
        spread *= np.sqrt(within)[mask].mean() / spread[mask].mean()
    return stack.mean(axis=0), spread


def local_error(real: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the absolute error, mean of the channels and of 5 × 5 pixels, shape (y, x)."""
    error = np.abs(real.astype(float) - mean).mean(axis=-1)
    return ndimage.uniform_filter(error, ERROR_PX)


def scaled(
    spread: np.ndarray,
    dense: np.ndarray,
    offsets: tuple[float, float],
    factors: tuple[float, float],
) -> np.ndarray:
    """Return the spread in units of the error, apart for dense and other matter."""
    kind = dense.astype(int)
    return np.asarray(factors)[kind] * (spread + np.asarray(offsets)[kind])


def calibrate(slides: Sequence[Slide], alpha: float, delta: float) -> Calibration:
    """Calibrate at the level of slides (split conformal prediction; Vovk et al. 2005).

    Slides and not pixels are exchangeable. A slide's score is the factor under which all but
    ``alpha`` of its pixels have an error below factor times uncertainty. Of n slides, the
    ``ceil((n + 1) (1 - delta))``-th smallest score promises: on 1 - delta of new slides at least
    1 - alpha of the pixels have an error below the uncertainty.

    Parameters
    ----------
    slides : sequence of Slide
        At least one; none of them was trained on.
    alpha, delta : float
        Part of pixels, and of slides, that may be off.

    Returns
    -------
    Calibration
        With the largest score, and said to be uncalibrated, where the slides are too few.
    """
    offsets, factors = [], []
    for kind in (False, True):
        parts = [(s.error[s.dense == kind], s.spread[s.dense == kind]) for s in slides]
        parts = [part for part in parts if len(part[0])]
        medians = [np.median(spread) for _, spread in parts]
        offset = max(float(np.median(medians)), LEAST) if parts else LEAST
        errors = np.mean([error.mean() for error, _ in parts]) if parts else LEAST
        widths = np.mean([(spread + offset).mean() for _, spread in parts]) if parts else 1.0
        offsets.append(offset)
        factors.append(max(float(errors / widths), 1e-6))
    pair = (offsets[0], offsets[1]), (factors[0], factors[1])
    scores = sorted(score(slide, *pair, alpha) for slide in slides)
    rank = ceil((len(scores) + 1) * (1 - delta) - 1e-9)
    quantile = scores[min(rank, len(scores)) - 1]
    return Calibration(*pair, float(quantile), len(scores), rank <= len(scores))


def score(
    slide: Slide, offsets: tuple[float, float], factors: tuple[float, float], alpha: float
) -> float:
    """Return the factor under which all but ``alpha`` of a slide's pixels stay."""
    ratio = slide.error / scaled(slide.spread, slide.dense, offsets, factors)
    return float(np.quantile(ratio, 1 - alpha, method="higher"))


# Parts of a slide's pixels, least doubtful first, at which the risk-coverage curve is stored, %.
RISK_PARTS = range(10, 101, 10)


def ranking(error: np.ndarray, score_: np.ndarray) -> dict[str, float]:
    """Measure how well a score ranks the errors of one slide's pixels.

    Returns
    -------
    dict
        ``spearman``; ``top_tenth``, the mean error of the most doubtful tenth over the slide's
        mean; ``risk``, the mean over coverages of the mean error of the least doubtful pixels,
        over the slide's mean (area under the risk-coverage curve; 1 where the score says nothing);
        ``risk_10`` to ``risk_100``, the curve: the mean error of the least doubtful 10 to 100 %.
    """
    order = np.argsort(score_, kind="stable")
    ordered, mean = error[order], error.mean()
    risks = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    constant = np.ptp(score_) == 0 or np.ptp(error) == 0
    return {
        "spearman": float("nan") if constant else float(stats.spearmanr(error, score_).statistic),
        "top_tenth": float(ordered[-max(len(ordered) // 10, 1) :].mean() / mean) if mean else 1.0,
        "risk": float(risks.mean() / mean) if mean else 1.0,
        **{
            f"risk_{part}": float(risks[max(len(risks) * part // 100, 1) - 1] / mean)
            if mean
            else 1.0
            for part in RISK_PARTS
        },
    }
