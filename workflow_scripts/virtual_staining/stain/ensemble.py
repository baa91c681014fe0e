"""The function that stains a normalized CT plane with the generators of one or several folds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from virtual_staining.artefacts.generator import Generators, load_generators
from virtual_staining.errors import InputError
from virtual_staining.imaging.intensity import network_to_slide
from virtual_staining.settings.stain import StainSettings
from virtual_staining.settings.tiling import TilingSettings
from virtual_staining.stain.slabs import Stain

LEVELS = 127.5  # 8-bit levels of one unit of the network's range


def plane_stainer(folds: Sequence[Generators], settings: TilingSettings) -> Stain:
    """Return the function that stains a plane and averages the colours of several folds.

    The standard deviation that the function returns is that of all results that are averaged: over
    folds, mirror images and overlapping tiles, as the root of the variance's mean over R, G, B.

    Parameters
    ----------
    folds : sequence of Generators
        One model, trained on one or several folds.
    settings : TilingSettings
        How the plane passes through the networks.
    """

    def stain(plane: np.ndarray, inside: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        x = folds[0].ct_to_network(plane)
        total = squares = torch.zeros((), device=folds[0].device)
        for fold in folds:
            mean, deviation = fold.stain("slide", x, settings, inside)
            total = total + mean / len(folds)
            squares = squares + (mean.square() + deviation.square()) / len(folds)
        variance = (squares - total.square()).clamp_min(0).mean(0)
        return network_to_slide(total).cpu().numpy(), (LEVELS * variance.sqrt()).cpu().numpy()

    return stain


def load_stainer(
    paths: Sequence[str | Path], settings: StainSettings, device: torch.device
) -> Stain:
    """Load the generators of one model and return the function that stains a plane with them.

    Raises
    ------
    InputError
        If a file holds no generator, the files belong to different models or CT windows, or the
        tiles do not fit the network.
    """
    loaded = [load_generators(path, device) for path in paths]
    kinds = {(fold.settings.model, fold.settings.ct_white) for fold in loaded}
    if len(kinds) > 1:
        raise InputError(
            f"{', '.join(map(str, paths))}: generators of different models or ct_white "
            f"({sorted(kinds)}) cannot be averaged; give the folds of one model"
        )
    for fold in loaded:
        fold.check_tiling(settings)
    return plane_stainer(loaded, settings)
