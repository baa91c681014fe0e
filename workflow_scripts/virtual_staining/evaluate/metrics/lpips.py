"""LPIPS, the learned perceptual distance of two images (paper equation 14).

The network's modules load torch, so they are imported only where LPIPS is measured.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import Metric, Needs, PatchPairs
from virtual_staining.settings.evaluate import EvaluateSettings

LEAST_COUNTED = 0.5

if TYPE_CHECKING:
    from torch import nn


def find(settings: EvaluateSettings) -> dict:
    """Decide whether LPIPS is measured, and with which weights."""
    from virtual_staining.evaluate.lpips_backbone import find_backbone

    return find_backbone(settings)


def load(record: dict) -> nn.Module:
    """Return the network on the weights that :func:`find` chose, on the GPU if there is one."""
    from virtual_staining.evaluate.lpips_backbone import load_network
    from virtual_staining.runtime import choose_device

    return load_network(Path(record["backbone"])).to(choose_device())


def compute(network: nn.Module, patches: PatchPairs) -> np.ndarray:
    """Return the LPIPS of each patch, shape (n,); NaN where less than half of a patch counts.

    The network sees the whole patch: what does not count is equal in both and dilutes the value.
    """
    from virtual_staining.evaluate.lpips_network import lpips_distances

    enough = patches.counted.mean(axis=(1, 2)) >= LEAST_COUNTED
    values = np.full(len(enough), np.nan)
    values[enough] = lpips_distances(network, patches.real[enough], patches.generated[enough])
    return values


METRIC = Metric(
    MetricColumn(
        "lpips", "LPIPS", unit="", higher_is_better=False, decimals=2, order=20, paper=True
    ),
    "learned perceptual distance, with SqueezeNet's ImageNet weights (paper equation 14)",
    compute,
    Needs(find, load),
)
