"""Pix2Pix (paper 2.6.2): one generator, and a discriminator that sees its input too."""

from collections.abc import Iterator

import torch
from torch import nn

from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.models import losses
from virtual_staining.models.model import Model
from virtual_staining.models.networks import patchgan


class Pix2Pix(Model):
    """Pix2Pix (equation 10): one direction, judged beside its input."""

    scores_serve_twice = True

    def build_discriminators(self) -> nn.ModuleDict:
        """Return the conditional discriminator of the slide."""
        s = self.settings
        return nn.ModuleDict({"slide": patchgan(s.discriminator, s.features, conditional=True)})

    def directions(self, batch: Batch) -> Iterator[tuple[dict[str, torch.Tensor], tuple]]:
        """Yield the components of equation (10), the generated pair's score and the real pair."""
        s, x, y = self.settings, batch.ct, batch.slide
        fake = self.call(self.generators["slide"], x)
        score = self.call(self.discriminators["slide"], torch.cat([x, fake], 1))
        gan = losses.gan_loss(score)
        l1 = losses.l1_loss(fake, y, batch.mask, s.l1_mean)
        parts = {"gan": gan, "l1": l1, "total": losses.total_pix2pix(gan, l1, s.lambda_l1)}
        yield parts, (score, torch.cat([x, y], 1))

    def discriminators_loss(self, seen: list[tuple], chance: torch.Generator) -> torch.Tensor:
        """Return the discriminator's loss; a conditional pair is always the current one."""
        ((score, real),) = seen
        return losses.discriminator_loss(self.call(self.discriminators["slide"], real), score)
