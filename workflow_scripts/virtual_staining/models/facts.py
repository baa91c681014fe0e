"""What a file in ``variants/`` declares about its model. Nothing here imports torch.

The plan of the workflow reads these facts each time it is made, and torch takes 1.7 s to import.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from virtual_staining.settings.train import TrainBlock, TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn

    from virtual_staining.models.model import Model

# Keys of the `train` block that reach the weights of every model.
COMMON_KEYS = frozenset(
    {
        "seed",
        "epochs",
        "patches_per_pair",
        "batch",
        "patch_px",
        "rescale",
        "jitter",
        "energy_jitter",
        "min_mask_fraction",
        "ct_white",
        "features",
        "discriminator",
        "discriminator_norm",
        "generator",
        "norm",
        "grey_levels",
        "texture",
        "ema",
        "learning_rate",
        "adam_beta1",
        "adam_beta2",
        "decay_from_epoch",
        "outside_weight",
        "l1_mean",
        "precision",
        # The epochs whose weights lie in `best/` are chosen on these patches.
        "validation_patches_per_pair",
    }
)
# The key that gives the depth of each kind of generator network, and all keys of its own.
DEPTH_KEYS = {"resnet": "residual_blocks", "unet": "unet_depth"}
NETWORK_KEYS = {
    "resnet": frozenset({"residual_blocks"}),
    "unet": frozenset({"unet_depth", "head", "dropout"}),
}


@dataclass(frozen=True)
class GeneratorSpec:
    """The kind and size of a generator network, which :mod:`networks` builds.

    Parameters
    ----------
    network : {'resnet', 'unet'}
        Kind of network.
    features : int
        Channels after the first convolution.
    depth : int
        Residual blocks of a ResNet, or halvings of a U-Net.
    norm : {'instance', 'pixel'}
        Normalization after the convolutions.
    head : {'half', 'full'}
        Resolution at which the skip connections of a U-Net end.
    dropout : float
        Fraction of the channels that dropout sets to zero in the deep levels of a U-Net.
    grey_levels : int
        Levels that the grey of the input is spread over, besides the image itself.
    texture : bool
        Whether the network has a :class:`~virtual_staining.models.texture.Texture`.
    """

    network: str
    features: int
    depth: int
    norm: str = "instance"
    head: str = "half"
    dropout: float = 0.5
    grey_levels: int = 0
    texture: bool = False

    @property
    def halvings(self) -> int:
        """How often the network halves its image."""
        return self.depth if self.network == "unet" else 2

    @property
    def reach_px(self) -> int | None:
        """Largest distance, px, at which an input pixel can change an output pixel.

        The distance is rounded up to a multiple of ``2 ** halvings``. None means that the distance
        has no bound, because instance norm takes its statistics from the whole image.
        """
        if self.norm == "instance":
            return None
        # Each of a U-Net's halvings and doublings reaches one pixel of the coarser level further.
        # Outside its residual blocks, of 2 × 4 px each, a ResNet reaches less than 16 px.
        reach = 2 * 2**self.depth + 2 if self.network == "unet" else 8 * self.depth + 16
        multiple = 2**self.halvings
        return -(-reach // multiple) * multiple


class Facts(ABC):
    """The facts about one model, and the call that builds it.

    A file in ``variants/`` declares a subclass, and an instance of it named ``MODEL``. Attributes
    that :class:`~virtual_staining.settings.model_facts.ModelFacts` describes are left out below.

    Attributes
    ----------
    own_keys : frozenset of str
        Keys of the ``train`` block that reach the weights of this model, beyond those of all models
        and the depth of the network.
    order : int
        Position of the model in tables and figures, smallest first.
    network : {'resnet', 'unet'}
        Kind of the generator networks in the paper.
    targets : tuple of {'slide', 'ct'}
        What the generators make: one network each.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    order: ClassVar[int]
    network: ClassVar[str]
    targets: ClassVar[tuple[str, ...]]
    inverts_ct: ClassVar[bool] = False
    own_keys: ClassVar[frozenset[str]]

    def keys(self, settings: TrainBlock) -> frozenset[str]:
        """Return the keys of the ``train`` block that change this model's weights."""
        network = self.generator(settings).network
        return COMMON_KEYS | NETWORK_KEYS[network] | self.own_keys

    def generator(self, settings: TrainBlock) -> GeneratorSpec:
        """Return the kind and size of each generator network."""
        s = settings
        network = self.network if s.generator == "paper" else s.generator
        depth = getattr(s, DEPTH_KEYS[network])
        own = s.norm, s.head, s.dropout, s.grey_levels, s.texture
        return GeneratorSpec(network, s.features, depth, *own)

    def halvings(self, settings: TrainBlock) -> int:
        """Return how often the generator halves its image."""
        return self.generator(settings).halvings

    @abstractmethod
    def components(self, settings: TrainSettings) -> dict[str, str]:
        """Return the printed title of each generator loss component that a run computes."""

    @abstractmethod
    def build(
        self, settings: TrainSettings, generators: nn.ModuleDict, device: torch.device
    ) -> Model:
        """Return the model, with all initial weights drawn from torch's global seed."""
