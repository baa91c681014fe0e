"""The paired CycleGAN (paper 2.6.1) and the standard one: two generators, two discriminators."""

from collections.abc import Iterator

import torch
from torch import nn

from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.models import losses
from virtual_staining.models.model import Model
from virtual_staining.models.networks import patchgan


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
