"""The trained networks of a generator file, ready to stain planes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from virtual_staining.artefacts.generator_file import DIRECTIONS, load_content
from virtual_staining.artefacts.trained_on import TrainedOn, trained_on_from_file
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
from virtual_staining.models.model import autocast, uses_bfloat16
from virtual_staining.models.texture import Texture, Textured, with_texture
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.model_facts import patch_problems
from virtual_staining.settings.tiling import TilingSettings
from virtual_staining.settings.train import TrainSettings

# Memory for the features of a band of a whole plane. A generator keeps some 16 bytes a pixel for
# each channel of its first level.
BAND_BYTES, FEATURE_BYTES = 2**30, 16
TEXTURE_BYTES = 256  # a pixel's noise, and the features that give its texture's strength


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
    trained_on : TrainedOn, optional
        What the file states of the study.
    """

    def __init__(
        self,
        settings: TrainSettings,
        networks: dict[str, nn.Module],
        device: torch.device,
        trained_on: TrainedOn | None = None,
    ):
        self.settings, self.networks, self.device = settings, networks, device
        self.trained_on = trained_on
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
        self, ct: np.ndarray, tiling: TilingSettings, texture: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Stain a CT plane.

        Parameters
        ----------
        ct : ndarray, shape (y, x)
            Normalized grey levels (bone 30000, background 10000).
        tiling : TilingSettings
            How the plane passes through the network.
        texture : bool
            Whether the slide shows the texture that the generator has learned.

        Returns
        -------
        rgb : ndarray, shape (y, x, 3), uint8
            The virtual slide.
        spread : ndarray, shape (y, x), float32
            Standard deviation over overlapping tiles and mirror images, mean of RGB, 8-bit levels.

        Raises
        ------
        InputError
            If the generator has learned no texture and shall show one.
        """
        mean, deviation = self.stain("slide", self.ct_to_network(ct), tiling)
        if texture:
            learned = self._learned_texture()
            mean = with_texture(learned, mean, self.settings.seed, BAND_BYTES // TEXTURE_BYTES)
        rgb = intensity.network_to_slide(mean).permute(1, 2, 0).cpu().numpy()
        return np.ascontiguousarray(rgb), (deviation.mean(0) * 127.5).cpu().numpy()

    def _learned_texture(self) -> Texture:
        """Return the texture of the slide's generator."""
        network = self.networks["slide"]
        if not isinstance(network, Textured):
            raise InputError(
                "infer.texture: true needs a generator trained with texture: true; this one was "
                "trained with texture: false"
            )
        return network.texture

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
        network = self._called(target, tiling.precision)
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

    def _called(self, target: str, precision: str) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return a network that takes and returns float32 and computes in a precision."""
        network = self.networks[target]
        if not uses_bfloat16(precision, self.device):
            return network

        def in_bfloat16(x: torch.Tensor) -> torch.Tensor:
            with autocast(True, self.device):
                return network(x.contiguous(memory_format=torch.channels_last)).float()

        return in_bfloat16


def load_generators(path: str | Path, device: torch.device) -> Generators:
    """Read a generator file of this or an older format.

    Raises
    ------
    InputError
        If the file is missing, damaged, of a newer format or no generator file.
    """
    try:
        content = load_content(path)
        settings = from_dict(TrainSettings, content["settings"], str(path))
        networks = dict(build_generators(settings))
        for target, network in networks.items():
            network.load_state_dict(content["generators"][DIRECTIONS[target]])
        facts = content.get("trained_on")
        trained_on = trained_on_from_file(facts, path) if facts is not None else None
    except InputError:
        raise
    except Exception as error:  # torch raises a dozen kinds for a file that is not its own
        raise InputError(f"{path}: not a generator file, or damaged ({error})") from error
    ready = {target: accelerate(net).eval().to(device) for target, net in networks.items()}
    return Generators(settings, ready, device, trained_on)
