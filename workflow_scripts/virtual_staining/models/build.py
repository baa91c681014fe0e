"""Builds networks and models from the training settings."""

import torch
from torch import nn

from virtual_staining.models.catalogue import model_facts
from virtual_staining.models.model import Model
from virtual_staining.models.networks import build_generator
from virtual_staining.settings.train import TrainSettings


def build_generators(settings: TrainSettings) -> nn.ModuleDict:
    """Return a model's generators, by the domain that each one generates."""
    facts = model_facts(settings.model)
    spec = facts.generator(settings)
    return nn.ModuleDict({target: build_generator(spec) for target in facts.targets})


def build_model(settings: TrainSettings, device: torch.device) -> Model:
    """Return the model that the settings name, with weights drawn from the settings' seed."""
    torch.manual_seed(settings.seed)
    return model_facts(settings.model).build(settings, build_generators(settings), device)
