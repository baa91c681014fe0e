"""PSNR, the peak signal-to-noise ratio of two colour images (paper equations 12 and 13)."""

import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, PatchPairs

PEAK = 255  # L in equation 12: the largest value of an 8-bit image


def psnr_db(real: np.ndarray, generated: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB (paper equations 12 and 13).

    The ratio of identical images is infinite, and quantiles of infinite values are undefined;
    their mean squared error is therefore set to the smallest that 8-bit images can have, one
    grey level in one value (101 dB for 256 × 256 RGB).

    Parameters
    ----------
    real, generated : ndarray, shape (…, 3), uint8
        N in equation 13 counts pixels and channels.
    """
    mse = np.mean((real.astype(np.float64) - generated) ** 2)
    return float(10 * np.log10(PEAK**2 / max(mse, 1 / real.size)))


def compute(patches: PatchPairs) -> np.ndarray:
    """Return the PSNR of each patch in dB, shape (n,)."""
    triples = zip(patches.real, patches.generated, patches.counted, strict=True)
    return np.array([psnr_db(real[at], generated[at]) for real, generated, at in triples])


METRIC = Metric(
    MetricColumn(
        "psnr_db", "PSNR", unit="dB", higher_is_better=True, decimals=1, order=30, paper=True
    ),
    "peak signal-to-noise ratio (paper equations 12 and 13)",
    compute,
)
