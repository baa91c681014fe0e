"""The file ``generator.pt``, in which ``train`` leaves the networks for later stages.

The file holds a dictionary, which ``torch.load(path, weights_only=True)`` reads:

``format``, ``version``
    Format of the file, and version of the program that wrote it. Format 1 lacks both keys.
``model``, ``settings``
    Name of the model, and all settings of the training.
``generators``
    State dict of each network: ``forward`` makes slides from CT, ``reverse`` makes CT from slides.
``epoch``, ``loss``
    Epoch whose weights these are, and ``last`` or the loss that was lowest in that epoch.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from virtual_staining import __version__
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.errors import InputError
from virtual_staining.imaging import intensity
from virtual_staining.imaging.tiles import stain_plane
from virtual_staining.models.build import build_generators
from virtual_staining.models.catalogue import model_facts
from virtual_staining.models.fast.accelerate import accelerate
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.model_facts import patch_problems
from virtual_staining.settings.train import TrainSettings

FORMAT = 2
# Name of each network in the file, by the image that the network generates.
DIRECTIONS = {"slide": "forward", "ct": "reverse"}


@dataclass(frozen=True)
class Tiling:
    """How a plane is cut into tiles.

    Parameters
    ----------
    patch_px, step_px : int
        Side of a tile, and distance of neighbouring tiles.
    batch_patches : int
        Tiles that pass through the network together.
    """

    patch_px: int
    step_px: int
    batch_patches: int


class Generators:
    """The generators of one trained model.

    Parameters
    ----------
    settings : TrainSettings
        Settings of the training.
    networks : dict of str to Module
        Generators by the image that each one generates: ``slide``, and ``ct`` if the model has it.
    device : torch.device
        Device of the networks.
    """

    def __init__(
        self, settings: TrainSettings, networks: dict[str, nn.Module], device: torch.device
    ):
        self.settings, self.networks, self.device = settings, networks, device
        self.window = intensity.ct_window(settings.ct_white)
        self.facts = model_facts(settings.model)
        self.sign = -1.0 if self.facts.inverts_ct else 1.0

    @property
    def reversible(self) -> bool:
        """Whether the model also generates CT from a slide."""
        return "ct" in self.networks

    def check_patch(self, patch_px: int, key: str = "infer.patch_px") -> None:
        """Refuse a tile size that the generators cannot halve often enough.

        Raises
        ------
        InputError
            Naming ``key``, the setting of the tile size.
        """
        for problem in patch_problems(key, patch_px, self.settings, self.facts):
            raise InputError(f"{problem}; the training used {self.settings.patch_px}")

    def slide_from_ct(self, ct: np.ndarray, tiling: Tiling) -> tuple[np.ndarray, np.ndarray]:
        """Stain a CT plane.

        Parameters
        ----------
        ct : ndarray, shape (y, x)
            Normalized grey levels (bone 30000, background 10000).
        tiling : Tiling
            How the plane is cut.

        Returns
        -------
        rgb : ndarray, shape (y, x, 3), uint8
            The virtual slide.
        spread : ndarray, shape (y, x), float32
            Standard deviation over overlapping tiles, mean of RGB, 8-bit levels.
        """
        x = self.sign * intensity.ct_to_network(ct, self.window)
        mean, spread = self._stain("slide", np.broadcast_to(x, (3, *x.shape)).copy(), tiling)
        rgb = intensity.network_to_slide(mean).permute(1, 2, 0).cpu().numpy()
        return np.ascontiguousarray(rgb), (spread * 127.5).cpu().numpy()

    def ct_from_slide(self, rgb: np.ndarray, tiling: Tiling) -> np.ndarray:
        """Make the CT of a slide (y, x, 3) uint8: normalized grey levels (y, x) uint16."""
        y = np.ascontiguousarray(np.moveaxis(intensity.slide_to_network(rgb), 2, 0))
        mean, _ = self._stain("ct", y, tiling)
        return intensity.network_to_ct(self.sign * mean.mean(0).cpu().numpy(), self.window)

    def _stain(self, target: str, image: np.ndarray, tiling: Tiling):
        size = (tiling.patch_px, tiling.step_px, tiling.batch_patches)
        return stain_plane(self.networks[target], image, *size, self.device)


def write_generator(
    path: str | Path, settings: TrainSettings, state: dict, epoch: int, loss: str
) -> None:
    """Write a generator file.

    Parameters
    ----------
    path : path
        File to write.
    settings : TrainSettings
        Settings of the training.
    state : dict
        State dict of all generators together, as :class:`~virtual_staining.models.model.Model` has
        it.
    epoch : int
        Epoch whose weights these are.
    loss : str
        ``last``, or the loss component that was lowest in that epoch.
    """
    generators: dict[str, dict] = {}
    for key, value in state.items():
        target, parameter = key.split(".", 1)
        generators.setdefault(DIRECTIONS[target], {})[parameter] = value.detach().cpu().clone()
    content = {
        "format": FORMAT,
        "version": __version__,
        "model": settings.model,
        "settings": settings.model_dump(),
        "generators": generators,
        "epoch": epoch,
        "loss": loss,
    }
    with replacing(path) as temporary:
        torch.save(content, temporary)


def load_generators(path: str | Path, device: torch.device) -> Generators:
    """Read a generator file of this or an older format.

    Raises
    ------
    InputError
        If the file is missing, damaged, of a newer format or no generator file.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        _check_format(content, path)
        settings = from_dict(TrainSettings, content["settings"], str(path))
        networks = dict(build_generators(settings))
        for target, network in networks.items():
            network.load_state_dict(content["generators"][DIRECTIONS[target]])
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except InputError:
        raise
    except Exception as error:  # torch raises a dozen kinds for a file that is not its own
        raise InputError(f"{path}: not a generator file, or damaged ({error})") from error
    ready = {target: accelerate(net).eval().to(device) for target, net in networks.items()}
    return Generators(settings, ready, device)


def _check_format(content: dict, path: str | Path) -> None:
    if content.get("format", 1) > FORMAT:
        raise InputError(
            f"{path}: written in format {content['format']} by virtual_staining "
            f"{content.get('version')}; this is version {__version__}, which reads formats up to "
            f"{FORMAT}. Update virtual_staining"
        )
