"""What a file in ``variants/`` declares about its model. Nothing here imports torch.

The plan of the workflow reads these facts each time it is made, and torch takes 1.7 s to import.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from virtual_staining.settings.train import TrainSettings

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
        "min_mask_fraction",
        "ct_white",
        "features",
        "discriminator",
        "learning_rate",
        "adam_beta1",
        "adam_beta2",
        "decay_from_epoch",
        "l1_mean",
        "precision",
        # The epochs whose weights lie in `best/` are chosen on these patches.
        "validation_patches_per_pair",
    }
)
# The key that gives the depth of each kind of generator network.
DEPTH_KEYS = {"resnet": "residual_blocks", "unet": "unet_depth"}


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
    """

    network: str
    features: int
    depth: int

    @property
    def halvings(self) -> int:
        """How often the network halves its image."""
        return self.depth if self.network == "unet" else 2


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
        Kind of the generator networks.
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

    @property
    def keys(self) -> frozenset[str]:
        """Keys of the ``train`` block that change this model's weights."""
        return COMMON_KEYS | {DEPTH_KEYS[self.network]} | self.own_keys

    def generator(self, settings: TrainSettings) -> GeneratorSpec:
        """Return the size of each generator network."""
        depth = getattr(settings, DEPTH_KEYS[self.network])
        return GeneratorSpec(self.network, settings.features, depth)

    def halvings(self, settings: TrainSettings) -> int:
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
