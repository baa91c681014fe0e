"""The standard CycleGAN (Zhu et al. 2017; paper 2.6.1, equation 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from virtual_staining.models import losses
from virtual_staining.models.facts import Facts
from virtual_staining.settings.train import TrainSettings

if TYPE_CHECKING:
    import torch
    from torch import nn

    from virtual_staining.models.cycle_model import CycleModel, Translation


class CycleGAN(Facts):
    """Two ResNet generators, one in each direction, and a discriminator for each domain."""

    name = "cyclegan"
    title = "Std. CycleGAN"
    order = 4
    network = "resnet"
    targets = ("slide", "ct")
    own_keys = frozenset({"buffer_images", "lambda_cyc", "lambda_id", "two_sided_terms"})

    def components(self, settings: TrainSettings) -> dict[str, str]:
        """Return the titles of equation (4)'s terms.

        An identity loss of weight 0 is left out: no other term needs the passes behind it.
        """
        identity = {"id": "identity"} if settings.lambda_id else {}
        return {"gan": "adversarial", "cyc": "cycle", **identity, "total": "total"}

    def losses(self, s: TrainSettings, t: Translation) -> dict[str, torch.Tensor]:
        """Return one direction's share of equation (4).

        Parameters
        ----------
        s : TrainSettings
            Weights of the terms.
        t : Translation
            The images of the direction and the discriminator's score.
        """
        half = 0.5 if s.two_sided_terms == "mean" else 1.0
        gan = half * losses.gan_loss(t.score)
        cyc = half * losses.cycle_loss(t.cycled, t.source, t.mask, s.l1_mean)
        parts = {"gan": gan, "cyc": cyc}
        if s.lambda_id:
            parts["id"] = half * losses.identity_loss(t.identity, t.paired, t.mask, s.l1_mean)
        id_ = parts.get("id", 0.0)
        parts["total"] = losses.total_unpaired(gan, cyc, id_, s.lambda_cyc, s.lambda_id)
        return parts

    def build(
        self, settings: TrainSettings, generators: nn.ModuleDict, device: torch.device
    ) -> CycleModel:
        """Return the model, with all initial weights drawn from torch's global seed."""
        from virtual_staining.models.cycle_model import CycleModel

        return CycleModel(self, settings, generators, device)


MODEL = CycleGAN()
