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

from pathlib import Path

import numpy as np
import torch
from torch import nn

from virtual_staining import __version__
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.errors import InputError
from virtual_staining.imaging import intensity
from virtual_staining.imaging.tiles import stain_plane
from virtual_staining.imaging.whole_planes import (
    mean_over_flips,
    needed_window,
    stain_whole_plane,
)
from virtual_staining.models.build import build_generators
from virtual_staining.models.catalogue import model_facts
from virtual_staining.models.fast.accelerate import accelerate
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.model_facts import patch_problems
from virtual_staining.settings.tiling import TilingSettings
from virtual_staining.settings.train import TrainSettings

FORMAT = 2
# Name of each network in the file, by the image that the network generates.
DIRECTIONS = {"slide": "forward", "ct": "reverse"}
# Memory for the features of a band of a whole plane. A generator keeps some 16 bytes a pixel for
# each channel of its first level.
BAND_BYTES, FEATURE_BYTES = 2**30, 16


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

    def check_tiling(self, tiling: TilingSettings) -> None:
        """Refuse a way through the networks that these generators do not allow.

        Raises
        ------
        InputError
            Naming the key: tiles that the generators cannot halve often enough, or whole planes
            for generators that take statistics from the plane.
        """
        block = tiling.block_name
        if not tiling.whole_planes:
            for problem in patch_problems(
                f"{block}.patch_px", tiling.patch_px, self.settings, self.facts
            ):
                raise InputError(f"{problem}; the training used {self.settings.patch_px}")
        elif self.facts.generator(self.settings).reach_px is None:
            raise InputError(
                f"{block}.whole_planes: true needs a generator trained with norm: pixel; this one "
                f"was trained with norm: {self.settings.norm}"
            )

    def slide_from_ct(
        self, ct: np.ndarray, tiling: TilingSettings
    ) -> tuple[np.ndarray, np.ndarray]:
        """Stain a CT plane.

        Parameters
        ----------
        ct : ndarray, shape (y, x)
            Normalized grey levels (bone 30000, background 10000).
        tiling : TilingSettings
            How the plane passes through the network.

        Returns
        -------
        rgb : ndarray, shape (y, x, 3), uint8
            The virtual slide.
        spread : ndarray, shape (y, x), float32
            Standard deviation over overlapping tiles and mirror images, mean of RGB, 8-bit levels.
        """
        mean, deviation = self.stain("slide", self.ct_to_network(ct), tiling)
        rgb = intensity.network_to_slide(mean).permute(1, 2, 0).cpu().numpy()
        return np.ascontiguousarray(rgb), (deviation.mean(0) * 127.5).cpu().numpy()

    def ct_from_slide(self, rgb: np.ndarray, tiling: TilingSettings) -> np.ndarray:
        """Make the CT of a slide (y, x, 3) uint8: normalized grey levels (y, x) uint16."""
        y = np.ascontiguousarray(np.moveaxis(intensity.slide_to_network(rgb), 2, 0))
        mean, _ = self.stain("ct", torch.from_numpy(y), tiling)
        return intensity.network_to_ct(self.sign * mean.mean(0).cpu().numpy(), self.window)

    def ct_to_network(self, ct: np.ndarray) -> torch.Tensor:
        """Return normalized CT (y, x) as the input of the slide's generator, shape (3, y, x)."""
        x = self.sign * torch.as_tensor(intensity.ct_to_network(ct, self.window))
        return x.expand(3, *x.shape)

    def stain(
        self,
        target: str,
        plane: torch.Tensor,
        tiling: TilingSettings,
        inside: np.ndarray | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pass a plane through one of the networks.

        Parameters
        ----------
        target : {'slide', 'ct'}
            What the network generates.
        plane : Tensor, shape (3, y, x)
            Network range [-1, 1].
        tiling : TilingSettings
            How the plane passes through the network.
        inside : ndarray of bool, shape (y, x), optional
            Pixels whose values are needed, at least one; all by default. The values of other pixels
            mean nothing.

        Returns
        -------
        mean, deviation : Tensor, shape (3, y, x), float32
            Mean and standard deviation over overlapping tiles and mirror images, network range, on
            the device.
        """
        network = self.networks[target]
        spec = self.facts.generator(self.settings)
        shape = plane.shape[1:]
        window = slice(None), slice(None)
        if inside is not None and tiling.whole_planes:
            assert spec.reach_px is not None  # check_tiling has refused other networks
            window, inside = needed_window(inside, 2**spec.halvings, spec.reach_px)

        def once(
            image: torch.Tensor, needed: torch.Tensor | None
        ) -> tuple[torch.Tensor, torch.Tensor]:
            if not tiling.whole_planes:
                sizes = (tiling.patch_px, tiling.step_px, tiling.batch_patches)
                return stain_plane(network, image, *sizes, self.device, tiling.window, needed)
            assert spec.reach_px is not None
            band_px = BAND_BYTES // (FEATURE_BYTES * spec.features)
            image = image.to(self.device, torch.float32)
            mean = stain_whole_plane(network, image, 2**spec.halvings, spec.reach_px, band_px)
            return mean, torch.zeros_like(mean)

        part = plane[:, *window]
        needed = None if inside is None else torch.from_numpy(np.ascontiguousarray(inside))
        mean, deviation = (
            mean_over_flips(once, part, needed) if tiling.flips else once(part, needed)
        )
        if part.shape == plane.shape:
            return mean, deviation
        whole = mean.new_zeros((2, len(mean), *shape))
        whole[:, :, *window] = torch.stack([mean, deviation])
        return whole[0], whole[1]


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
    with replacing(path) as temporary, open(temporary, "wb") as file:
        torch.save(content, file)  # the name of an open file does not enter the archive


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


def read_origin(path: str | Path) -> tuple[int, str]:
    """Return the epoch of a generator file, and ``last`` or the loss that was lowest in it.

    Raises
    ------
    InputError
        If the file is missing or damaged.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return int(content["epoch"]), str(content["loss"])
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except Exception as error:
        raise InputError(f"{path}: not a generator file, or damaged ({error})") from error


def _check_format(content: dict, path: str | Path) -> None:
    if content.get("format", 1) > FORMAT:
        raise InputError(
            f"{path}: written in format {content['format']} by virtual_staining "
            f"{content.get('version')}; this is version {__version__}, which reads formats up to "
            f"{FORMAT}. Update virtual_staining"
        )
