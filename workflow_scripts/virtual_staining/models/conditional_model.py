"""The training step of Pix2Pix (paper 2.6.2): one generator and a conditional discriminator."""

from collections.abc import Iterator

import torch
from torch import nn

from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.models import losses
from virtual_staining.models.model import Model
from virtual_staining.models.networks import patchgan
from virtual_staining.models.smoothing import smooth
from virtual_staining.models.texture import add_texture


class ConditionalModel(Model):
    """One direction, CT to slide; the discriminator sees the CT beside the slide."""

    keeps_score_graph = True

    def build_discriminators(self) -> nn.ModuleDict:
        """Return the conditional discriminator of the slide."""
        s = self.settings
        network = patchgan(s.discriminator, s.features, True, s.discriminator_norm)
        return nn.ModuleDict({"slide": network})

    def directions(self, batch: Batch) -> Iterator[tuple[dict[str, torch.Tensor], tuple]]:
        """Yield the losses, and the score of the generated pair with the real pair."""
        ct = -batch.ct if self.facts.inverts_ct else batch.ct
        fake = self.call(self.generators["slide"], ct)
        seen, texture = add_texture(self.generators["slide"], fake, batch.slide, batch.mask)
        score = self.call(self.discriminators["slide"], torch.cat([ct, seen], 1))
        compared = (smooth(image, self.settings.pixel_sigma_px) for image in (fake, batch.slide))
        parts = self.facts.losses(self.settings, *compared, batch.mask, score)
        parts["texture"] = texture
        yield parts, (score, torch.cat([ct, batch.slide], 1))

    def discriminators_loss(self, inputs: list[tuple], generator: torch.Generator) -> torch.Tensor:
        """Return the discriminator's loss; a conditional discriminator sees no older images."""
        ((score, real),) = inputs
        return losses.discriminator_loss(self.call(self.discriminators["slide"], real), score)
