"""The function that stains a normalized CT plane with the generators of one or several folds."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from virtual_staining.artefacts.generator import load_generators
from virtual_staining.errors import InputError
from virtual_staining.imaging.intensity import ct_to_network, network_to_slide
from virtual_staining.imaging.tiles import stain_plane
from virtual_staining.settings.stain import StainSettings


def plane_stainer(
    generators: Sequence[Callable[[torch.Tensor], torch.Tensor]],
    window: tuple[float, float],
    sign: float,
    settings: StainSettings,
    device: torch.device,
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that stains a plane tile by tile and averages the generators' colours.

    Parameters
    ----------
    generators : sequence of callable
        Each maps tiles (n, 3, patch, patch) in network range to colours of the same shape.
    window : (low, high)
        Normalized grey levels that become -1 and 1 in the network's input.
    sign : float
        -1 for a model that takes the negative of the CT as input, else 1.
    settings : StainSettings
        Size and step of the tiles, tiles in a batch.
    device : torch.device
        Device on which the generators are.

    Returns
    -------
    callable
        Maps normalized CT (y, x) to uint8 RGB (3, y, x).
    """

    def stain(plane: np.ndarray) -> np.ndarray:
        x = sign * torch.as_tensor(ct_to_network(plane, window)).expand(3, *plane.shape)
        total = sum(
            stain_plane(
                generator,
                x,
                settings.patch_px,
                settings.step_px,
                settings.batch_patches,
                device,
            )[0]
            for generator in generators
        )
        return network_to_slide(total / len(generators)).cpu().numpy()

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
        fold.check_patch(settings.patch_px, "stain.patch_px")
    networks = [fold.networks["slide"] for fold in loaded]
    return plane_stainer(networks, loaded[0].window, loaded[0].sign, settings, device)
