"""Pix2Pix (Isola et al. 2017; paper 2.6.2, equation 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from virtual_staining.models import losses
from virtual_staining.models.facts import Facts
from virtual_staining.settings.train import TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn

    from virtual_staining.models.conditional_model import ConditionalModel


class Pix2Pix(Facts):
    """One U-Net generator, and a discriminator that also sees the generator's input."""

    name = "pix2pix"
    title = "Pix2Pix"
    order = 2
    network = "unet"
    targets = ("slide",)
    own_keys = frozenset({"lambda_l1", "pixel_sigma_px"})

    def components(self, settings: TrainSettings) -> dict[str, str]:
        """Return the titles of equation (10)'s terms."""
        return {"gan": "adversarial", "l1": "ℓ1", "total": "total"}

    def losses(
        self,
        s: TrainSettings,
        fake: torch.Tensor,
        slide: torch.Tensor,
        mask: torch.Tensor,
        score: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Return the terms of equation (10).

        Parameters
        ----------
        s : TrainSettings
            Weight of the pixel loss.
        fake, slide : Tensor, shape (n, 3, h, w)
            Generated and true slide, in network range, at the resolution at which the pixel loss
            compares them.
        mask : Tensor, shape (n, 1, h, w)
            1 where CT and slide correspond.
        score : Tensor, shape (n, 1, h', w')
            The discriminator's map of scores for CT and generated slide.
        """
        gan = losses.gan_loss(score)
        l1 = losses.l1_loss(fake, slide, mask, s.l1_mean)
        return {"gan": gan, "l1": l1, "total": losses.total_pix2pix(gan, l1, s.lambda_l1)}

    def build(
        self, settings: TrainSettings, generators: nn.ModuleDict, device: torch.device
    ) -> ConditionalModel:
        """Return the model, with all initial weights drawn from torch's global seed."""
        from virtual_staining.models.conditional_model import ConditionalModel

        return ConditionalModel(self, settings, generators, device)


MODEL = Pix2Pix()
