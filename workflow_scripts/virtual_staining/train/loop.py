"""The training loop: epochs of steps, with a checkpoint now and then."""

import logging
import math
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

import torch
from tqdm import tqdm

from virtual_staining.artefacts.folders import TrainedFolder
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.sampling.sampler import Plan, Sampler
from virtual_staining.models.build import build_model
from virtual_staining.models.model import Model
from virtual_staining.settings.train import TrainSettings
from virtual_staining.train.checkpoint import ResumeFolder
from virtual_staining.train.divergence import (
    Diverged,
    explained_divergence,
    refuse_spoilt_weights,
)
from virtual_staining.train.history import Progress, event_log, write_history
from virtual_staining.train.outputs import write_results
from virtual_staining.train.schedule import batch_rows, build_samplers, learning_rate, step_seed

log = logging.getLogger(__name__)

# Reading a loss makes the host wait for the GPU, so losses are read in groups of steps.
READ_EVERY_STEPS = 20
VALIDATION_EPOCH = 0  # number of the plan of validation patches; training epochs count from 1


class Interrupted(Exception):
    """The run was asked to stop and has written a checkpoint."""


def train(
    settings: TrainSettings,
    training: list[TrainingPair],
    validation: list[TrainingPair],
    resume: ResumeFolder,
    out: TrainedFolder,
    device: torch.device,
    stop_requested: Callable[[], bool] = lambda: False,
) -> None:
    """Train one model, continuing from the resume folder, and write the fold's files to ``out``.

    Raises
    ------
    InputError
        If a loss or weight is no finite number, or the disk is full.
    Interrupted
        If ``stop_requested`` returned true; a checkpoint has been written.
    """
    model = build_model(settings, device)
    sampler, validation_sampler = build_samplers(settings, training, validation, device)
    progress = Progress()
    checkpoint = resume.load()
    if checkpoint and checkpoint["progress"]["epoch"] > settings.epochs:
        done = checkpoint["progress"]["epoch"] - 1
        resume.start_anew(f"{done} epochs are done, and {settings.epochs} are wanted")
    elif checkpoint:
        model.load_state_dict(checkpoint["model"])
        progress = Progress(**checkpoint["progress"])
    steps = math.ceil(len(training) * settings.patches_per_pair / settings.batch)
    titles = {**model.components, "discriminator": "discriminator"}
    started = time.monotonic() - progress.seconds
    saved = time.monotonic()

    events = event_log(settings.tensorboard, out.tensorboard, progress)
    with events as log_event, explained_divergence(progress, resume):
        while progress.epoch <= settings.epochs:
            epoch, rate = progress.epoch, learning_rate(settings, progress.epoch)
            model.set_learning_rate(rate)
            # Seeds depend on epoch and step alone, so that a resumed run repeats the same patches.
            plan = sampler.plan(settings.seed, epoch)
            pending: list[torch.Tensor] = []
            for step in _bar(range(progress.step, steps), f"epoch {epoch}/{settings.epochs}"):
                batch = sampler.batch(plan, batch_rows(settings, step))
                pending.append(model.step(batch, step_seed(settings.seed, epoch, step)))
                stopping = stop_requested()
                minutes = (time.monotonic() - saved) / 60
                saving = stopping or minutes >= settings.checkpoint_minutes
                if saving or len(pending) == READ_EVERY_STEPS or step == steps - 1:
                    add_losses(progress, pending, titles, sampler, plan, settings)
                    pending = []
                if saving:
                    progress.seconds = time.monotonic() - started
                    save(model, progress, resume)
                    saved = time.monotonic()
                if stopping:
                    raise Interrupted(f"stopped at epoch {epoch}, step {step + 1}: {resume.newest}")

            refuse_spoilt_weights(model)
            progress.seconds = time.monotonic() - started
            losses = validate(model, validation_sampler, settings) if validation_sampler else {}
            row, improved = progress.finish_epoch(rate, titles, losses)
            if improved:
                resume.save_best(epoch, model.trained_weights())
            with resume.writing("history.csv"):
                write_history(progress.history, out.history)
                log_event(row)
            report(row, settings.epochs, progress.seconds / epoch, device)
    with resume.writing("the results"):
        write_results(model, progress, titles, settings, resume, out)
    # Of a finished run the last state stays, from which more epochs continue.
    resume.finish(*state_of(model, progress))


def add_losses(
    progress: Progress,
    pending: list[torch.Tensor],
    names: dict[str, str],
    sampler: Sampler,
    plan: Plan,
    settings: TrainSettings,
) -> None:
    """Read the losses of some steps from the device and add them to the progress.

    Raises
    ------
    Diverged
        If a loss is no finite number.
    """
    for losses in torch.stack(pending).tolist():
        bad = [n for n, value in zip(names, losses, strict=True) if not math.isfinite(value)]
        if bad:
            patches = sampler.describe(plan, batch_rows(settings, progress.step))
            raise Diverged(f"{', '.join(bad)} not finite", patches)
        progress.add_step(losses)


def validate(model: Model, sampler: Sampler, settings: TrainSettings) -> dict[str, float]:
    """Return the mean of each generator loss component over the validation patches.

    Raises
    ------
    Diverged
        If a loss is no finite number.
    """
    plan = sampler.plan(settings.seed, VALIDATION_EPOCH)
    batches = math.ceil(len(plan.pair) / settings.batch)
    rows = [batch_rows(settings, step) for step in range(batches)]
    losses = torch.stack([model.validate(sampler.batch(plan, r)) for r in rows])
    for r, finite in zip(rows, losses.isfinite().all(1).tolist(), strict=True):
        if not finite:
            raise Diverged(
                "validation losses not finite", f"validation {sampler.describe(plan, r)}"
            )
    return dict(zip(model.components, losses.mean(0).tolist(), strict=True))


def save(model: Model, progress: Progress, resume: ResumeFolder) -> None:
    """Write a checkpoint, unless the weights are spoilt."""
    refuse_spoilt_weights(model)
    resume.save(*state_of(model, progress))


def state_of(model: Model, progress: Progress) -> tuple[dict, int, set[int]]:
    """Return the content of a checkpoint, its number of steps and the best epochs it refers to."""
    state = {"model": model.state_dict(), "progress": asdict(progress)}
    return state, progress.steps_done, {entry["epoch"] for entry in progress.best.values()}


def report(row: dict, epochs: int, epoch_seconds: float, device: torch.device) -> None:
    """Log one line for a finished epoch."""
    losses = "  ".join(
        f"{key.removeprefix('train_')} {value:.4f}"
        for key, value in row.items()
        if key.startswith("train_")
    )
    if "validation_total" in row:
        losses += f"  validation total {row['validation_total']:.4f}"
    left_s = (epochs - row["epoch"]) * epoch_seconds
    left = f"{left_s / 3600:.1f} h" if left_s > 5400 else f"{left_s:.0f} s"
    memory = ""
    if device.type == "cuda":
        memory = f"  {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB"
    rate = row["steps"] / epoch_seconds
    epoch = f"epoch {row['epoch']}/{epochs}"
    log.info("%s  %s  %.2f steps/s%s  left %s", epoch, losses, rate, memory, left)


def _bar(steps: range, title: str):
    return tqdm(steps, desc=title, leave=False, disable=not sys.stderr.isatty())
