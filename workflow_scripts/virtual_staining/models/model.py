"""What all models have in common: networks, optimizers, and a step of both (paper 2.6)."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager

import torch
from torch import nn

from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.models.catalogue import components
from virtual_staining.models.fast.adam import StoredOrderAdam
from virtual_staining.models.image_buffer import ImageBuffer
from virtual_staining.models.networks import build_generators, initialize
from virtual_staining.settings.train import TrainSettings


class Model(ABC):
    """Networks, optimizers and the training step; the subclasses say what the losses are.

    Parameters
    ----------
    settings : TrainSettings
        Sizes, weights and learning rate. Initial weights are drawn from torch's global seed.
    device : torch.device
        Where everything lies.
    """

    # Whether the discriminators' loss goes back through scores that the generators' loss made too.
    scores_serve_twice = False

    def __init__(self, settings: TrainSettings, device: torch.device):
        self.settings, self.device = settings, device
        self.components = components(settings)
        self.bfloat16 = uses_bfloat16(settings.precision, device)
        place = {"device": device, "memory_format": torch.channels_last}
        self.generators = initialize(build_generators(settings)).to(**place)
        self.discriminators = initialize(self.build_discriminators()).to(**place)
        self.optimizers = {
            name: StoredOrderAdam(
                networks.parameters(),
                lr=settings.learning_rate,
                betas=(settings.adam_beta1, settings.adam_beta2),
            )
            for name, networks in (
                ("generators", self.generators),
                ("discriminators", self.discriminators),
            )
        }
        self.buffers = {name: ImageBuffer(settings.buffer_images) for name in self.discriminators}

    @abstractmethod
    def build_discriminators(self) -> nn.ModuleDict:
        """Return the discriminators by the name of what they judge."""

    @abstractmethod
    def directions(self, batch: Batch) -> Iterator[tuple[dict[str, torch.Tensor], tuple]]:
        """Yield each direction's share of the generators' losses, and what its judge then needs.

        The shares add up to the equations' values. They have nothing but weights in common, so a
        share's gradient can be taken, and its memory freed, before the next is computed.
        """

    @abstractmethod
    def discriminators_loss(self, seen: list[tuple], chance: torch.Generator) -> torch.Tensor:
        """Return the discriminators' loss from what :meth:`directions` handed over."""

    def call(self, network: nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Return a network's output, in the precision of the images whatever it computes in."""
        with autocast(self.bfloat16, self.device):
            return network(images.contiguous(memory_format=torch.channels_last)).to(images)

    def step(self, batch: Batch, seed: int) -> torch.Tensor:
        """Improve the generators, then the discriminators, by one batch.

        Parameters
        ----------
        batch : Batch
            Patches on the device.
        seed : int
            Decides dropout and the buffers' choices of this step.

        Returns
        -------
        Tensor, shape (components + 1,), float64
            The generators' loss components and the discriminators' loss, on the device.
        """
        torch.manual_seed(seed)
        improved, judges = (list(n.parameters()) for n in (self.generators, self.discriminators))
        self.optimizers["generators"].zero_grad()
        shares, seen = [], []
        for parts, shown in self.directions(batch):
            # The discriminators' own gradients are not wanted while they judge for the generators.
            parts["total"].backward(inputs=improved, retain_graph=self.scores_serve_twice)
            shares.append(self._values(parts))
            seen.append(shown)
        self.optimizers["generators"].step()
        self.optimizers["discriminators"].zero_grad()
        judged = self.discriminators_loss(seen, torch.Generator().manual_seed(seed))
        judged.backward(inputs=judges)
        self.optimizers["discriminators"].step()
        return torch.cat([sum(shares), judged.detach().double().view(1)])

    @torch.no_grad()
    def validate(self, batch: Batch) -> torch.Tensor:
        """Return the generators' loss components on a batch, float64, without dropout."""
        self.generators.eval()
        shares = [self._values(parts) for parts, _ in self.directions(batch)]
        self.generators.train()
        return sum(shares)

    def _values(self, parts: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack([parts[name].detach() for name in self.components]).double()

    def set_learning_rate(self, value: float) -> None:
        """Set Adam's step size for all networks."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = value

    def is_finite(self) -> bool:
        """Whether every weight is a finite number."""
        parameters = [*self.generators.parameters(), *self.discriminators.parameters()]
        return bool(torch.stack([p.detach().isfinite().all() for p in parameters]).all())

    def state_dict(self) -> dict:
        """Return all that a resumed run needs of the model."""
        return {
            "generators": self.generators.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "optimizers": {k: v.state_dict() for k, v in self.optimizers.items()},
            "buffers": {k: v.state_dict() for k, v in self.buffers.items()},
        }

    def load_state_dict(self, state: dict) -> None:
        """Take up a state again."""
        self.generators.load_state_dict(state["generators"])
        self.discriminators.load_state_dict(state["discriminators"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, buffer in self.buffers.items():
            buffer.load_state_dict(state["buffers"][name], self.device)


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether convolutions run in bfloat16; weights, losses and Adam stay in float32.

    Parameters
    ----------
    precision : {'fp32', 'bf16', 'auto'}
        ``auto`` takes bfloat16 where there are matrix units for it: CUDA from compute capability
        8.0, and processors with AMX. The vector instruction alone (AVX-512 BF16) does not count:
        on some processors it is slower than float32.
    device : torch.device
        Where the networks run.
    """
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def autocast(bfloat16: bool, device: torch.device) -> AbstractContextManager:
    """Return the context in which networks are called."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)
