"""The function that stains a normalized CT plane with the generators of one or several folds."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from virtual_staining.artefacts.generator import Generators, load_generators
from virtual_staining.errors import InputError
from virtual_staining.imaging.intensity import network_to_slide
from virtual_staining.settings.stain import StainSettings
from virtual_staining.settings.tiling import TilingSettings


def plane_stainer(
    folds: Sequence[Generators], settings: TilingSettings
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that stains a plane and averages the colours of several folds.

    Parameters
    ----------
    folds : sequence of Generators
        One model, trained on one or several folds.
    settings : TilingSettings
        How the plane passes through the networks.

    Returns
    -------
    callable
        Maps normalized CT (y, x) to uint8 RGB (3, y, x).
    """

    def stain(plane: np.ndarray) -> np.ndarray:
        x = folds[0].ct_to_network(plane)
        total = sum(fold.stain("slide", x, settings)[0] for fold in folds)
        return network_to_slide(total / len(folds)).cpu().numpy()

    return stain


def load_stainer(
    paths: Sequence[str | Path], settings: StainSettings, device: torch.device
) -> Callable[[np.ndarray], np.ndarray]:
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
