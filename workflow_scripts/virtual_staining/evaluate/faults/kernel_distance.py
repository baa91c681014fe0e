"""KID on SqueezeNet's features: whether generated patches as a set look like real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from virtual_staining.evaluate.lpips_network import Lpips

Features = Callable[[np.ndarray], np.ndarray]
BATCH = 16
SCALE = 1000  # the distance is printed in thousandths


def kernel_distance(real: np.ndarray, generated: np.ndarray) -> float:
    """Squared maximum mean discrepancy with a cubic kernel (Bińkowski et al. 2018, KID).

    The estimate is unbiased whatever the number of patches, and may so be negative. KID is usually
    measured on Inception's features; on others it ranks the models of one study, and says nothing
    beside published numbers.

    Parameters
    ----------
    real, generated : ndarray, shape (n, d) and (m, d)
        Features of patches.

    Returns
    -------
    float
        Around 0 where both sets are alike; NaN with fewer than two patches in a set.
    """
    if min(len(real), len(generated)) < 2:
        return float("nan")
    within = [_mean_of_others(_kernel(one, one)) for one in (real, generated)]
    return float(sum(within) - 2 * _kernel(real, generated).mean())


def patch_distance(real: np.ndarray, generated: np.ndarray, features: Features) -> float:
    """Return the kernel distance of real and generated patches (n, y, x, 3), in thousandths.

    Features are measured in units of the real patches' root mean square, which is the same for all
    models.
    """
    if not len(real):
        return float("nan")
    values = features(real)
    unit = np.sqrt(np.square(values).mean()) or 1.0
    return SCALE * kernel_distance(values / unit, features(generated) / unit)


def _kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _mean_of_others(kernel: np.ndarray) -> float:
    """Return the mean without the diagonal."""
    n = len(kernel)
    return (kernel.sum() - np.trace(kernel)) / (n * (n - 1))


def squeezenet_features(network: Lpips) -> Features:
    """Return what gives each patch the mean over place of SqueezeNet's last features.

    Parameters
    ----------
    network : Lpips
        LPIPS, from :func:`virtual_staining.evaluate.lpips_backbone.load_network`.

    Returns
    -------
    callable
        Maps uint8 (n, y, x, 3) to float64 (n, 512).
    """
    import torch

    from virtual_staining.evaluate.lpips_network import to_tensor

    def features(patches: np.ndarray) -> np.ndarray:
        parts = []
        with torch.inference_mode():
            for first in range(0, len(patches), BATCH):
                batch = to_tensor(network, patches[first : first + BATCH])
                parts.append(network(batch)[-1].mean((2, 3)).double().cpu().numpy())
        return np.concatenate(parts)

    return features
