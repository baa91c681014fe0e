"""The four models: which networks, which losses, and one optimization step of each (paper 2.6)."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import nn

from virtual_staining.train import losses
from virtual_staining.train.buffer import ImageBuffer
from virtual_staining.train.networks import UNet, initialize, patchgan, resnet_generator
from virtual_staining.train.precision import autocast, uses_bfloat16
from virtual_staining.train.sampler import Batch
from virtual_staining.train.settings import Settings, components


def build_generators(settings: Settings) -> nn.ModuleDict:
    """Return the model's generators by what they make: ``slide`` and, unless Pix2Pix, ``ct``."""
    if settings.model == "pix2pix":
        return nn.ModuleDict({"slide": UNet(settings.features, settings.unet_depth)})
    return nn.ModuleDict(
        {
            name: resnet_generator(settings.features, settings.residual_blocks)
            for name in ("slide", "ct")
        }
    )


class Model(ABC):
    """Networks, optimizers and the training step; the subclasses say what the losses are.

    Parameters
    ----------
    settings : Settings
        Sizes, weights and learning rate. Initial weights are drawn from torch's global seed.
    device : torch.device
        Where everything lies.
    """

    def __init__(self, settings: Settings, device: torch.device):
        self.settings, self.device = settings, device
        self.components = components(settings)
        self.bfloat16 = uses_bfloat16(settings.precision, device)
        place = {"device": device, "memory_format": torch.channels_last}
        self.generators = initialize(build_generators(settings)).to(**place)
        self.discriminators = initialize(self.build_discriminators()).to(**place)
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
        # The discriminators' own gradients are not wanted while they judge for the generators.
        self.discriminators.requires_grad_(False)
        self.optimizers["generators"].zero_grad(set_to_none=True)
        shares, seen = [], []
        for parts, shown in self.directions(batch):
            parts["total"].backward()
            shares.append(self._values(parts))
            seen.append(shown)
        self.optimizers["generators"].step()
        self.discriminators.requires_grad_(True)
        self.optimizers["discriminators"].zero_grad(set_to_none=True)
        judged = self.discriminators_loss(seen, torch.Generator().manual_seed(seed))
        judged.backward()
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


class CycleGAN(Model):
    """The paired CycleGAN (equation 7), and the standard one (equation 4), on the same patches."""

    def build_discriminators(self) -> nn.ModuleDict:
        """Return one discriminator per domain."""
        kind, features = self.settings.discriminator, self.settings.features
        return nn.ModuleDict({name: patchgan(kind, features) for name in ("ct", "slide")})

    def directions(self, batch: Batch) -> Iterator[tuple[dict[str, torch.Tensor], tuple]]:
        """Yield the shares of equation (4) or (7): CT to slide, then slide to CT."""
        ct = -batch.ct if self.settings.model == "cyclegan_inverted" else batch.ct
        yield self._direction("slide", "ct", ct, batch.slide, batch.mask)
        yield self._direction("ct", "slide", batch.slide, ct, batch.mask)

    def _direction(
        self, to: str, back: str, own: torch.Tensor, other: torch.Tensor, mask: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], tuple]:
        """Translate ``own`` to the other domain and back; return losses, and name, real, fake."""
        s, over = self.settings, self.settings.l1_mean
        fake, same = self._translate(self.generators[to], own, other)
        rec = self.call(self.generators[back], fake)
        score = self.call(self.discriminators[to], fake)
        half = 0.5 if s.two_sided_terms == "mean" else 1.0
        gan = half * losses.gan_loss(score)
        cyc = half * losses.cycle_loss(rec, own, mask, over)
        parts = {"gan": gan, "cyc": cyc}
        if s.lambda_id:
            parts["id"] = half * losses.identity_loss(same, other, mask, over)
        id_ = parts.get("id", 0.0)
        if s.model == "paired_cyclegan":
            px = half * losses.pixel_loss(fake, other, mask, over)
            gs = losses.greyscale_loss(fake, mask, over) if to == "ct" else torch.zeros_like(px)
            weights = (s.lambda_cyc, s.lambda_id, s.lambda_px, s.lambda_gs)
            parts |= {"px": px, "gs": gs}
            parts["total"] = losses.total_paired(gan, cyc, id_, px, gs, *weights)
        else:
            parts["total"] = losses.total_unpaired(gan, cyc, id_, s.lambda_cyc, s.lambda_id)
        return parts, (to, other, fake.detach())

    def _translate(self, network: nn.Module, image: torch.Tensor, own: torch.Tensor):
        """Return the translation and, unless it weighs nothing, what becomes of ``own``."""
        if not self.settings.lambda_id:
            return self.call(network, image), None
        # As one batch: the normalization is per image.
        return self.call(network, torch.cat([image, own])).chunk(2)

    def discriminators_loss(self, seen: list[tuple], chance: torch.Generator) -> torch.Tensor:
        """Return the sum of both discriminators' losses; each has its own weights."""
        total = 0
        for name, real, fake in seen:
            shown = self.buffers[name].exchange(fake, chance)
            both = self.call(self.discriminators[name], torch.cat([real, shown]))
            total = total + losses.discriminator_loss(*both.chunk(2))
        return total


class Pix2Pix(Model):
    """Pix2Pix (equation 10): one direction, judged beside its input."""

    def build_discriminators(self) -> nn.ModuleDict:
        """Return the conditional discriminator of the slide."""
        s = self.settings
        return nn.ModuleDict({"slide": patchgan(s.discriminator, s.features, conditional=True)})

    def directions(self, batch: Batch) -> Iterator[tuple[dict[str, torch.Tensor], tuple]]:
        """Yield the components of equation (10), and the real and the generated pair."""
        s, x, y = self.settings, batch.ct, batch.slide
        fake = self.call(self.generators["slide"], x)
        score = self.call(self.discriminators["slide"], torch.cat([x, fake], 1))
        gan = losses.gan_loss(score)
        l1 = losses.l1_loss(fake, y, batch.mask, s.l1_mean)
        parts = {"gan": gan, "l1": l1, "total": losses.total_pix2pix(gan, l1, s.lambda_l1)}
        yield parts, (torch.cat([x, y], 1), torch.cat([x, fake.detach()], 1))

    def discriminators_loss(self, seen: list[tuple], chance: torch.Generator) -> torch.Tensor:
        """Return the discriminator's loss; a conditional pair is always the current one."""
        (pairs,) = seen
        both = self.call(self.discriminators["slide"], torch.cat(pairs))
        return losses.discriminator_loss(*both.chunk(2))


def build_model(settings: Settings, device: torch.device) -> Model:
    """Return a fresh model with weights drawn from the settings' seed."""
    torch.manual_seed(settings.seed)
    return (Pix2Pix if settings.model == "pix2pix" else CycleGAN)(settings, device)
