"""The four models by name."""

import torch

from virtual_staining.models.cyclegan import CycleGAN
from virtual_staining.models.model import Model
from virtual_staining.models.pix2pix import Pix2Pix
from virtual_staining.settings.train import TrainSettings


def build_model(settings: TrainSettings, device: torch.device) -> Model:
    """Return a fresh model with weights drawn from the settings' seed."""
    torch.manual_seed(settings.seed)
    return (Pix2Pix if settings.model == "pix2pix" else CycleGAN)(settings, device)
