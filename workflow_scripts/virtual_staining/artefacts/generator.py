"""What `train` leaves for later stages: generator.pt, and its networks ready to be used."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from virtual_staining.errors import InputError
from virtual_staining.imaging import intensity
from virtual_staining.imaging.tiles import stain_plane
from virtual_staining.models.build import build_generators
from virtual_staining.models.catalogue import model_facts
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.model_facts import patch_problems
from virtual_staining.settings.train import TrainSettings

MADE = {"forward": "slide", "reverse": "ct"}  # a generator's name in the file: what it makes
DIRECTIONS = {"slide": "forward", "ct": "reverse"}  # what a generator makes: its name in the file


@dataclass(frozen=True)
class Tiling:
    """How a plane is cut: ``patch_px``, ``step_px`` and tiles at a time ``batch_patches``."""

    patch_px: int
    step_px: int
    batch_patches: int


class Generators:
    """The generators of one trained model.

    Parameters
    ----------
    settings : TrainSettings
        What the model was trained with.
    networks : dict of str to Module
        ``slide`` and, unless Pix2Pix, ``ct``, by what they make.
    device : torch.device
        Where they lie.
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
        """Whether the model also makes CT from a slide."""
        return "ct" in self.networks

    def check_patch(self, patch_px: int, key: str = "infer.patch_px") -> None:
        """Refuse tiles that the networks cannot halve often enough.

        Raises
        ------
        InputError
            Naming the ``key`` that was set.
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

    def _stain(self, made: str, image: np.ndarray, tiling: Tiling):
        size = (tiling.patch_px, tiling.step_px, tiling.batch_patches)
        return stain_plane(self.networks[made], image, *size, self.device)


def load_generators(path: str | Path, device: torch.device) -> Generators:
    """Read a generator file written by ``train``.

    Raises
    ------
    InputError
        If it is missing, damaged, or not such a file.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        settings = from_dict(TrainSettings, content["settings"], str(path))
        networks = dict(build_generators(settings))
        for direction, weights in content["generators"].items():
            networks[MADE[direction]].load_state_dict(weights)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except InputError:
        raise
    except Exception as error:  # torch raises a dozen kinds for a file that is not its own
        raise InputError(f"{path}: not a generator file, or damaged ({error})") from error
    return Generators(
        settings, {made: net.eval().to(device) for made, net in networks.items()}, device
    )


def package(settings: TrainSettings, state: dict, epoch: int, loss: str) -> dict:
    """Return the content of a generator file from the state of all generators."""
    generators: dict[str, dict] = {}
    for key, value in state.items():
        made, parameter = key.split(".", 1)
        generators.setdefault(DIRECTIONS[made], {})[parameter] = value.detach().cpu().clone()
    content = {"model": settings.model, "settings": settings.model_dump(), "generators": generators}
    return content | {"epoch": epoch, "loss": loss}
