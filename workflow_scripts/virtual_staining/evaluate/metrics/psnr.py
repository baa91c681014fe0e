"""PSNR, the peak signal-to-noise ratio of two colour images (paper equations 12 and 13)."""

import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, PatchPairs

PEAK = 255  # L in equation 12: the largest value of an 8-bit image
CHANNELS = 3


def psnr_db(squared_errors: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB (paper equations 12 and 13).

    The ratio of identical images is infinite, and quantiles of infinite values are undefined;
    their mean squared error is therefore set to the smallest that 8-bit images can have, one
    grey level in one value (101 dB for 256 × 256 RGB).

    Parameters
    ----------
    squared_errors : ndarray of int, shape (n,)
        From :func:`squared_error_map`. N in equation 13 counts pixels and channels.
    """
    values = CHANNELS * squared_errors.size
    return float(10 * np.log10(PEAK**2 * values / max(squared_errors.sum(dtype=np.int64), 1)))


def squared_error_map(real: np.ndarray, generated: np.ndarray) -> np.ndarray:
    """Return the squared difference of two images, sum of the channels, int32 (y, x)."""
    return np.square(real.astype(np.int32) - generated).sum(axis=-1, dtype=np.int32)


def compute(patches: PatchPairs) -> np.ndarray:
    """Return the PSNR of each patch in dB, shape (n,)."""
    pairs = zip(patches.maps(squared_error_map), patches.counted, strict=True)
    return np.array([psnr_db(errors[at]) for errors, at in pairs])


METRIC = Metric(
    MetricColumn(
        "psnr_db", "PSNR", unit="dB", higher_is_better=True, decimals=1, order=30, paper=True
    ),
    "peak signal-to-noise ratio (paper equations 12 and 13)",
    compute,
)
