"""The four models by name."""

import torch

from virtual_staining.train.cyclegan import CycleGAN
from virtual_staining.train.model import Model
from virtual_staining.train.pix2pix import Pix2Pix
from virtual_staining.train.settings import Settings


def build_model(settings: Settings, device: torch.device) -> Model:
    """Return a fresh model with weights drawn from the settings' seed."""
    torch.manual_seed(settings.seed)
    return (Pix2Pix if settings.model == "pix2pix" else CycleGAN)(settings, device)
