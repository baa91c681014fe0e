"""What each step of a run uses: patches, learning rate and random seed."""

import numpy as np
import torch

from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.intensity import ct_window
from virtual_staining.imaging.sampling.sampler import Sampler
from virtual_staining.settings.train import TrainSettings


def build_samplers(
    settings: TrainSettings,
    training: list[TrainingPair],
    validation: list[TrainingPair],
    device: torch.device,
) -> tuple[Sampler, Sampler | None]:
    """Return the training sampler, and the validation one, unaugmented, if there are pairs."""
    common = (settings.min_mask_fraction, ct_window(settings.ct_white), device)
    patch, augment = settings.patch_px, (settings.rescale, settings.jitter, True)
    beyond = (settings.outside_weight, settings.energy_jitter)
    sampler = Sampler(training, patch, settings.patches_per_pair, *augment, *common, *beyond)
    if not validation or not settings.validation_patches_per_pair:
        return sampler, None
    count = settings.validation_patches_per_pair
    return sampler, Sampler(validation, patch, count, 0.0, 0.0, False, *common)


def learning_rate(settings: TrainSettings, epoch: int) -> float:
    """Return Adam's step size in an epoch: constant, or falling linearly to 0 from some epoch."""
    start = settings.decay_from_epoch
    if start is None or epoch <= start:
        return settings.learning_rate
    return settings.learning_rate * (settings.epochs + 1 - epoch) / (settings.epochs + 1 - start)


def batch_rows(settings: TrainSettings, step: int) -> slice:
    """Return which patches of an epoch's plan form the batch of a step."""
    return slice(step * settings.batch, (step + 1) * settings.batch)


def step_seed(seed: int, epoch: int, step: int) -> int:
    """Return the random seed of one step, whether or not the run was resumed before it."""
    return int(np.random.SeedSequence([seed, epoch, step]).generate_state(1)[0])
