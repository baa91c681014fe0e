"""The paired CycleGAN (paper 2.6.1, equation 7): two losses compare paired images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from virtual_staining.models import losses
from virtual_staining.models.variants.cyclegan import CycleGAN
from virtual_staining.settings.train import TrainSettings

if TYPE_CHECKING:
    import torch

    from virtual_staining.models.cycle_model import Translation


class PairedCycleGAN(CycleGAN):
    """The CycleGAN with a pixelwise loss (equation 5) and a greyscale loss (equation 6)."""

    name = "paired_cyclegan"
    title = "Mod. CycleGAN (paired)"
    order = 1
    own_keys = CycleGAN.own_keys | {"lambda_px", "lambda_gs", "pixel_sigma_px"}

    def components(self, settings: TrainSettings) -> dict[str, str]:
        """Return the titles of equation (7)'s terms."""
        unpaired = super().components(settings)
        unpaired.pop("total")
        return {**unpaired, "px": "pixelwise", "gs": "greyscale", "total": "total"}

    def losses(self, s: TrainSettings, t: Translation) -> dict[str, torch.Tensor]:
        """Return one direction's share of equation (7); only generated CT has a greyscale loss."""
        parts = super().losses(s, t)
        half = 0.5 if s.two_sided_terms == "mean" else 1.0
        px = half * losses.pixel_loss(*t.compared, t.mask, s.l1_mean)
        is_ct = t.target == "ct"
        gs = losses.greyscale_loss(t.fake, t.mask, s.l1_mean) if is_ct else px.new_zeros(())
        total = losses.total_paired(parts["total"], px, gs, s.lambda_px, s.lambda_gs)
        return {**parts, "px": px, "gs": gs, "total": total}


MODEL = PairedCycleGAN()
