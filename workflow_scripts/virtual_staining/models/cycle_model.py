"""The training step of the CycleGANs (paper 2.6.1): two generators and two discriminators."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from virtual_staining.imaging.sampling.sampler import Batch
from virtual_staining.models import losses
from virtual_staining.models.model import Model
from virtual_staining.models.networks import patchgan
from virtual_staining.models.smoothing import smooth
from virtual_staining.models.texture import add_texture


@dataclass(frozen=True)
class Translation:
    """The tensors of one direction from which its losses are computed.

    Parameters
    ----------
    target : {'slide', 'ct'}
        Domain that the direction translates to.
    source, paired : Tensor, shape (n, 3, h, w)
        Image that is translated, and the true image of the target domain, in network range.
    mask : Tensor, shape (n, 1, h, w)
        1 where both correspond.
    fake : Tensor, shape (n, 3, h, w)
        Generated image of the target domain.
    compared : tuple of two Tensors, shape (n, 3, h, w)
        ``fake`` and ``paired`` at the resolution at which the pixelwise loss compares them.
    cycled : Tensor, shape (n, 3, h, w)
        ``fake`` translated back.
    identity : Tensor, shape (n, 3, h, w), or None
        ``paired`` passed through the same generator; None if the identity loss weighs nothing.
    score : Tensor, shape (n, 1, h', w')
        The discriminator's map of scores for ``fake``.
    """

    target: str
    source: torch.Tensor
    paired: torch.Tensor
    mask: torch.Tensor
    fake: torch.Tensor
    compared: tuple[torch.Tensor, torch.Tensor]
    cycled: torch.Tensor
    identity: torch.Tensor | None
    score: torch.Tensor


class CycleModel(Model):
    """Two generators trained together; ``facts.losses`` gives the losses of each direction."""

    def build_discriminators(self) -> nn.ModuleDict:
        """Return one discriminator per domain."""
        s = self.settings
        size = s.discriminator, s.features
        return nn.ModuleDict(
            {name: patchgan(*size, norm=s.discriminator_norm) for name in ("ct", "slide")}
        )

    def directions(self, batch: Batch) -> Iterator[tuple[dict[str, torch.Tensor], tuple]]:
        """Yield the losses of CT to slide, then of slide to CT."""
        ct = -batch.ct if self.facts.inverts_ct else batch.ct
        yield self._direction("slide", "ct", ct, batch.slide, batch.mask)
        yield self._direction("ct", "slide", batch.slide, ct, batch.mask)

    def _direction(
        self,
        target: str,
        origin: str,
        source: torch.Tensor,
        paired: torch.Tensor,
        mask: torch.Tensor,
    ) -> tuple[dict[str, torch.Tensor], tuple]:
        """Translate ``source`` to the domain ``target`` and back to ``origin``."""
        fake, identity = self._translate(self.generators[target], source, paired)
        cycled = self.call(self.generators[origin], fake)
        seen, texture = add_texture(self.generators[target], fake, paired, mask)
        score = self.call(self.discriminators[target], seen)
        compared = (
            smooth(fake, self.settings.pixel_sigma_px),
            smooth(paired, self.settings.pixel_sigma_px),
        )
        tensors = Translation(target, source, paired, mask, fake, compared, cycled, identity, score)
        parts = self.facts.losses(self.settings, tensors) | {"texture": texture}
        return parts, (target, paired, seen.detach())

    def _translate(
        self, generator: nn.Module, source: torch.Tensor, paired: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the generator's output for both images, or for ``source`` alone."""
        if not self.settings.lambda_id:
            return self.call(generator, source), None
        # One batch holds both images: the instance norm treats each image by itself.
        fake, identity = self.call(generator, torch.cat([source, paired])).chunk(2)
        return fake, identity

    def discriminators_loss(self, inputs: list[tuple], generator: torch.Generator) -> torch.Tensor:
        """Return the sum of both discriminators' losses; the discriminators share no weights."""
        total = 0
        for domain, real, fake in inputs:
            shown = self.buffers[domain].exchange(fake, generator)
            scores = self.call(self.discriminators[domain], torch.cat([real, shown]))
            total = total + losses.discriminator_loss(*scores.chunk(2))
        return total
