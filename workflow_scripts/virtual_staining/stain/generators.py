"""Trained generators as one function from a normalized CT plane to colours."""

from collections.abc import Callable, Sequence
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch

from virtual_staining.errors import InputError
from virtual_staining.infer.tiles import stain_plane
from virtual_staining.intensity import ct_to_network, ct_window, network_to_slide
from virtual_staining.settings import from_dict
from virtual_staining.stain.settings import Settings
from virtual_staining.train.models import build_generators
from virtual_staining.train.settings import Settings as TrainSettings


def load_generator(
    path: str | Path, device: torch.device
) -> tuple[Callable[[torch.Tensor], torch.Tensor], TrainSettings]:
    """Load the forward generator (CT to slide) of a training run, in evaluation mode.

    Raises
    ------
    InputError
        If the file is missing or is not a generator file.
    """
    try:
        content = torch.load(path, map_location=device, weights_only=True)
        settings = from_dict(TrainSettings, content["settings"], str(path))
        network = build_generators(settings)["slide"]
        network.load_state_dict(content["generators"]["forward"])
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; train the model first") from error
    except (UnpicklingError, RuntimeError, KeyError, TypeError, EOFError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: not a trained generator ({reason})") from error
    return network.to(device).eval(), settings


def plane_stainer(
    generators: Sequence[Callable[[torch.Tensor], torch.Tensor]],
    ct_white: float,
    inverted: bool,
    settings: Settings,
    device: torch.device,
) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function that stains one plane: overlapping tiles, generators averaged.

    Parameters
    ----------
    generators : sequence of callable
        Map (n, 3, patch, patch) in network range to the same shape.
    ct_white : float
        Normalized grey level that is the network's 1.
    inverted : bool
        Whether the model sees the CT as its negative.
    settings : Settings
        Tiles and batch.
    device : torch.device
        Where the generators lie.

    Returns
    -------
    callable
        Maps normalized CT (y, x) to uint8 RGB (3, y, x).
    """
    window = ct_window(ct_white)

    def stain(plane: np.ndarray) -> np.ndarray:
        x = torch.as_tensor(ct_to_network(plane, window)).expand(3, *plane.shape)
        total = sum(
            stain_plane(
                generator,
                -x if inverted else x,
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
    paths: Sequence[str | Path], settings: Settings, device: torch.device
) -> Callable[[np.ndarray], np.ndarray]:
    """Load generators of one model and return :func:`plane_stainer` of them.

    Raises
    ------
    InputError
        If a file is not a generator, or the files are of different models or CT windows.
    """
    loaded = [load_generator(path, device) for path in paths]
    kinds = {(run.model, run.ct_white) for _, run in loaded}
    if len(kinds) > 1:
        raise InputError(
            f"{', '.join(map(str, paths))}: generators of different models or ct_white "
            f"({sorted(kinds)}) cannot be averaged; give the folds of one model"
        )
    ((model, ct_white),) = kinds
    generators = [network for network, _ in loaded]
    return plane_stainer(generators, ct_white, model == "cyclegan_inverted", settings, device)
