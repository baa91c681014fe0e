"""The networks, optimizers and training step that all models share (paper 2.6)."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager

import torch
from torch import nn

from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.models.facts import Facts
from virtual_staining.models.fast.accelerate import accelerate
from virtual_staining.models.image_buffer import ImageBuffer
from virtual_staining.models.initialization import initialize
from virtual_staining.settings.train import TrainSettings


class Model(ABC):
    """Networks, optimizers and the training step of a model; subclasses compute the losses.

    Parameters
    ----------
    facts : Facts
        Generators, loss components and losses of the model.
    settings : TrainSettings
        Sizes, weights and learning rate.
    generators : ModuleDict
        Generator networks by the domain that each one generates. The initial weights of these and
        of the discriminators are drawn from torch's global seed.
    device : torch.device
        Device of all networks and optimizers.
    """

    # True if the discriminator loss reuses scores that were computed for the generator loss, so
    # that their graph must survive the first backward pass.
    keeps_score_graph = False

    def __init__(
        self,
        facts: Facts,
        settings: TrainSettings,
        generators: nn.ModuleDict,
        device: torch.device,
    ):
        self.facts, self.settings, self.device = facts, settings, device
        self.components = facts.components(settings)
        self.bfloat16 = uses_bfloat16(settings.precision, device)
        stored = {"device": device, "memory_format": torch.channels_last}
        self.generators = accelerate(initialize(generators)).to(**stored)
        self.discriminators = accelerate(initialize(self.build_discriminators())).to(**stored)
        self.optimizers = {
            name: torch.optim.Adam(
                networks.parameters(),
                lr=settings.learning_rate,
                betas=(settings.adam_beta1, settings.adam_beta2),
                fused=True,
            )
            for name, networks in (
                ("generators", self.generators),
                ("discriminators", self.discriminators),
            )
        }
        self.buffers = {name: ImageBuffer(settings.buffer_images) for name in self.discriminators}
        self.steps_done = 0
        self.averaged = self.generators
        if settings.ema:
            self.averaged = copy.deepcopy(self.generators).eval().requires_grad_(False)

    @abstractmethod
    def build_discriminators(self) -> nn.ModuleDict:
        """Return the discriminators by the domain whose images each one scores."""

    @abstractmethod
    def directions(self, batch: Batch) -> Iterator[tuple[dict[str, torch.Tensor], tuple]]:
        """Yield, for each direction, its generator losses and the tensors its discriminator needs.

        A model whose generators may have textures adds their loss as ``texture``. That loss is no
        part of ``total``: its gradient reaches nothing but the textures.

        The losses of all directions add up to the values of the equations. The directions share
        nothing but weights: the gradient of one direction can be computed, and the memory of its
        graph freed, before the next direction starts.
        """

    @abstractmethod
    def discriminators_loss(self, inputs: list[tuple], generator: torch.Generator) -> torch.Tensor:
        """Return the discriminators' loss.

        Parameters
        ----------
        inputs : list of tuple
            The tensors that :meth:`directions` yielded for the discriminators.
        generator : torch.Generator
            Source of randomness for the image buffers, on the CPU.
        """

    def call(self, network: nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Return a network's output in the number format of the images."""
        with autocast(self.bfloat16, self.device):
            return network(images.contiguous(memory_format=torch.channels_last)).to(images)

    def step(self, batch: Batch, seed: int) -> torch.Tensor:
        """Update the generators, then the discriminators, from one batch.

        Parameters
        ----------
        batch : Batch
            Patches on the device.
        seed : int
            Seed of this step's dropout and image buffers.

        Returns
        -------
        Tensor, shape (components + 1,), float64
            The generators' loss components and the discriminators' loss, on the device.
        """
        torch.manual_seed(seed)
        inputs = []
        values = []
        self.optimizers["generators"].zero_grad()
        for parts, tensors in self.directions(batch):
            # The gradient stops at the generators: their update needs no discriminator gradients.
            (parts["total"] + parts.get("texture", 0.0)).backward(
                inputs=list(self.generators.parameters()), retain_graph=self.keeps_score_graph
            )
            values.append(self._values(parts))
            inputs.append(tensors)
        self.optimizers["generators"].step()
        self._average()
        self.optimizers["discriminators"].zero_grad()
        loss = self.discriminators_loss(inputs, torch.Generator().manual_seed(seed))
        loss.backward(inputs=list(self.discriminators.parameters()))
        self.optimizers["discriminators"].step()
        return torch.cat([sum(values), loss.detach().double().view(1)])

    @torch.no_grad()
    def _average(self) -> None:
        """Move the mean of the weights towards the weights of this step.

        In the first steps the mean is over fewer steps, so that the initial weights are forgotten.
        """
        self.steps_done += 1
        if self.averaged is self.generators:
            return
        decay = min(self.settings.ema, self.steps_done / (self.steps_done + 9))
        means, weights = (list(n.parameters()) for n in (self.averaged, self.generators))
        torch._foreach_lerp_(means, weights, 1 - decay)

    @torch.no_grad()
    def validate(self, batch: Batch) -> torch.Tensor:
        """Return the generators' loss components on a batch, float64, without dropout.

        The generators are those of :meth:`trained_weights`.
        """
        torch.manual_seed(self.settings.seed)  # one texture for all epochs
        trained, self.generators = self.generators, self.averaged
        self.generators.eval()
        values = [self._values(parts) for parts, _ in self.directions(batch)]
        self.generators = trained.train()
        return sum(values)

    def trained_weights(self) -> dict[str, torch.Tensor]:
        """Return the state dict of the generators that stain: the mean over the steps, if any."""
        return self.averaged.state_dict()

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
        """Return the state from which training can continue."""
        return {
            "generators": self.generators.state_dict(),
            "discriminators": self.discriminators.state_dict(),
            "optimizers": {k: v.state_dict() for k, v in self.optimizers.items()},
            "buffers": {k: v.state_dict() for k, v in self.buffers.items()},
            "averaged": self.averaged.state_dict(),
            "steps_done": self.steps_done,
        }

    def load_state_dict(self, state: dict) -> None:
        """Restore a state that :meth:`state_dict` returned."""
        self.generators.load_state_dict(state["generators"])
        self.discriminators.load_state_dict(state["discriminators"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, buffer in self.buffers.items():
            buffer.load_state_dict(state["buffers"][name], self.device)
        self.averaged.load_state_dict(state["averaged"])
        self.steps_done = state["steps_done"]


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether convolutions run in bfloat16; weights, losses and Adam stay in float32.

    Parameters
    ----------
    precision : {'fp32', 'bf16', 'auto'}
        ``auto`` chooses bfloat16 on chips with matrix units for it: CUDA from compute capability
        8.0, and processors with AMX. The vector instruction alone (AVX-512 BF16) does not count,
        because it is slower than float32 on some processors.
    device : torch.device
        Device of the networks.
    """
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def autocast(bfloat16: bool, device: torch.device) -> AbstractContextManager:
    """Return the context in which networks are called."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)
