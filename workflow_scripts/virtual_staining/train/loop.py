"""The training loop: epochs of steps, with a checkpoint now and then."""

import logging
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.intensity import ct_window
from virtual_staining.imaging.sampling.sampler import Sampler
from virtual_staining.models.build import build_model
from virtual_staining.models.model import Model
from virtual_staining.settings.train import TrainSettings
from virtual_staining.train.checkpoint import ResumeFolder
from virtual_staining.train.curves import event_log
from virtual_staining.train.history import (
    Progress,
    add_up,
    diverged,
    finish_epoch,
    learning_rate,
    report,
    rows_of,
    write_history,
)
from virtual_staining.train.outputs import write_results

log = logging.getLogger(__name__)

# Losses are looked at in groups, so that a GPU need not wait for the host at every step.
LOOK_EVERY_STEPS = 20


class Interrupted(Exception):
    """The run was asked to stop and has written a checkpoint."""


def train(
    settings: TrainSettings,
    training: list[TrainingPair],
    validation: list[TrainingPair],
    resume: ResumeFolder,
    out: Path,
    device: torch.device,
    stop_requested: Callable[[], bool] = lambda: False,
) -> None:
    """Train one model, continuing from the resume folder, and write the fold's files to ``out``.

    Raises
    ------
    InputError
        If a loss or weight is no longer finite, or the disk is full.
    Interrupted
        If ``stop_requested`` turned true; a checkpoint has been written.
    """
    model = build_model(settings, device)
    samplers = build_samplers(settings, training, validation, device)
    progress = Progress()
    state = resume.load()
    if state:
        model.load_state_dict(state["model"])
        progress = Progress(**state["progress"])
    steps = math.ceil(len(training) * settings.patches_per_pair / settings.batch)
    references: list[dict] = []  # best epochs that the kept checkpoints point to
    started = saved = time.monotonic()
    before = progress.seconds

    with event_log(settings.tensorboard, out / "tensorboard", progress) as log_events:
        while progress.epoch <= settings.epochs:
            epoch = progress.epoch
            model.set_learning_rate(learning_rate(settings, epoch))
            plan = samplers["train"].plan(settings.seed, epoch)
            pending: list[torch.Tensor] = []
            for step in _bar(range(progress.step, steps), f"epoch {epoch}/{settings.epochs}"):
                batch = samplers["train"].batch(plan, rows_of(settings, step))
                pending.append(model.step(batch, step_seed(settings.seed, epoch, step)))
                stop = stop_requested()
                due = stop or time.monotonic() - saved >= 60 * settings.checkpoint_minutes
                if due or len(pending) == LOOK_EVERY_STEPS or step == steps - 1:
                    add_up(progress, pending, model, samplers["train"], plan, settings, resume)
                    pending = []
                if due:
                    progress.seconds = before + time.monotonic() - started
                    save(model, progress, resume, references)
                    saved = time.monotonic()
                if stop:
                    raise Interrupted(f"stopped at epoch {epoch}, step {step + 1}: {resume.newest}")
            progress.seconds = before + time.monotonic() - started
            refuse_spoilt(model, progress, resume)
            row = finish_epoch(model, progress, samplers["validation"], settings, resume)
            with resume.writing("history.csv"):
                write_history(progress.history, out)
                log_events(row)
            rate = epoch * steps / progress.seconds
            report(row, settings, rate, (settings.epochs - epoch) * steps / rate, device)
    with resume.writing("the results"):
        write_results(model, progress, settings, resume, out)


def build_samplers(
    settings: TrainSettings,
    training: list[TrainingPair],
    validation: list[TrainingPair],
    device: torch.device,
) -> dict[str, Sampler | None]:
    """Return the training sampler, and the validation one, unaugmented, if there are pairs."""
    common = (settings.min_mask_fraction, ct_window(settings.ct_white), device)
    patch, augment = settings.patch_px, (settings.rescale, settings.jitter, True)
    train_sampler = Sampler(training, patch, settings.patches_per_pair, *augment, *common)
    if not validation or not settings.validation_patches_per_pair:
        return {"train": train_sampler, "validation": None}
    count = settings.validation_patches_per_pair
    held_out = Sampler(validation, patch, count, 0.0, 0.0, False, *common)
    return {"train": train_sampler, "validation": held_out}


def step_seed(seed: int, epoch: int, step: int) -> int:
    """Return the seed of one step's chance, the same however the run came to that step."""
    return int(np.random.SeedSequence([seed, epoch, step]).generate_state(1)[0])


def save(model: Model, progress: Progress, resume: ResumeFolder, references: list[dict]) -> None:
    """Write a checkpoint, unless the weights are spoilt, and drop best epochs no longer named."""
    refuse_spoilt(model, progress, resume)
    steps_done = sum(row["steps"] for row in progress.history) + progress.step
    resume.save({"model": model.state_dict(), "progress": asdict(progress)}, steps_done)
    # After a restart the older checkpoint's table is not known: wait until two are.
    references.append({entry["epoch"] for entry in progress.best.values()})
    if len(references) >= 2:
        del references[:-2]
        resume.keep_best(references[0] | references[1])


def refuse_spoilt(model: Model, progress: Progress, resume: ResumeFolder) -> None:
    """Stop the run if a weight is not finite: a step's losses say nothing of its update.

    Raises
    ------
    InputError
        Naming the step and the last good checkpoint.
    """
    if not model.is_finite():
        raise diverged("weights not finite", progress, "found before that step", resume)


def _bar(steps: range, title: str):
    return tqdm(steps, desc=title, leave=False, disable=not sys.stderr.isatty())
