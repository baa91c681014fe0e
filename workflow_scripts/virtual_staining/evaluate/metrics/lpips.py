"""LPIPS, the learned perceptual distance of two images (paper equation 14).

The network's modules load torch, so they are imported only where LPIPS is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, Needs, PatchPairs
from virtual_staining.settings.evaluate import EvaluateSettings

LEAST_COUNTED = 0.5
BATCH = 16

if TYPE_CHECKING:
    from virtual_staining.evaluate.lpips_network import Lpips


def find(settings: EvaluateSettings) -> dict:
    """Decide whether LPIPS is measured, and with which weights."""
    from virtual_staining.evaluate.lpips_backbone import find_backbone

    return find_backbone(settings)


def load(record: dict) -> Lpips:
    """Return the network on the weights that :func:`find` chose, on the GPU if there is one."""
    from virtual_staining.evaluate.lpips_backbone import load_network
    from virtual_staining.runtime import choose_device

    return load_network(Path(record["backbone"])).to(choose_device())


def compute(network: Lpips, patches: PatchPairs) -> np.ndarray:
    """Return the LPIPS of each patch, shape (n,); NaN where less than half of a patch counts.

    The network sees the whole patch: what does not count is equal in both and dilutes the value.
    """
    from virtual_staining.evaluate.lpips_network import lpips_distances

    features = _features_of(network)
    enough = np.flatnonzero(patches.counted.mean(axis=(1, 2)) >= LEAST_COUNTED)
    values = np.full(len(patches.real), np.nan)
    for first in range(0, len(enough), BATCH):
        batch = enough[first : first + BATCH]
        stacks = patches.real[batch], patches.generated[batch]
        pair = (patches.once(features, stack) for stack in stacks)
        values[batch] = lpips_distances(network, *pair)
    return values


@cache
def _features_of(network: Lpips) -> Callable[[np.ndarray], list]:
    """Return the same function for the same network, so that its results are kept."""
    from virtual_staining.evaluate.lpips_network import lpips_features

    return partial(lpips_features, network)


METRIC = Metric(
    MetricColumn(
        "lpips", "LPIPS", unit="", higher_is_better=False, decimals=2, order=20, paper=True
    ),
    "learned perceptual distance, with SqueezeNet's ImageNet weights (paper equation 14)",
    compute,
    Needs(find, load),
)
