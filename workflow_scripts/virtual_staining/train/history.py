"""What a run knows of itself: losses so far, the history of epochs and the minima."""

import logging
import math
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import torch

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.errors import InputError
from virtual_staining.imaging.sampling.sampler import Plan, Sampler
from virtual_staining.models.model import Model
from virtual_staining.settings.train import TrainSettings
from virtual_staining.train.checkpoint import ResumeFolder

log = logging.getLogger(__name__)

VALIDATION_EPOCH = 0  # training epochs count from 1


@dataclass
class Progress:
    """How far a run is; all of it goes into a checkpoint.

    Parameters
    ----------
    epoch, step : int
        The epoch under way, from 1, and its steps done.
    sums : list of float
        Each loss, summed over those steps.
    seconds : float
        Time spent training, over all starts.
    history : list of dict
        One row for each finished epoch.
    best : dict
        Loss component to ``{"value", "epoch"}`` of its minimum so far.
    """

    epoch: int = 1
    step: int = 0
    sums: list[float] = field(default_factory=list)
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)
    best: dict[str, dict] = field(default_factory=dict)


def learning_rate(settings: TrainSettings, epoch: int) -> float:
    """Return Adam's step size in an epoch: constant, then linearly towards 0 where asked for."""
    start = settings.decay_from_epoch
    if start is None or epoch <= start:
        return settings.learning_rate
    return settings.learning_rate * (settings.epochs + 1 - epoch) / (settings.epochs + 1 - start)


def rows_of(settings: TrainSettings, step: int) -> slice:
    """Return which patches of an epoch's plan make up a step."""
    return slice(step * settings.batch, (step + 1) * settings.batch)


def add_up(
    progress: Progress,
    pending: list[torch.Tensor],
    model: Model,
    sampler: Sampler,
    plan: Plan,
    settings: TrainSettings,
    resume: ResumeFolder,
) -> None:
    """Add the losses of some steps to the epoch's sums and count the steps as done.

    Raises
    ------
    InputError
        If one is not finite; names the step, its patches and the last good checkpoint.
    """
    names = [*model.components, "discriminator"]
    for values in torch.stack(pending).cpu().tolist():
        bad = [name for name, value in zip(names, values, strict=True) if not math.isfinite(value)]
        if bad:
            patches = sampler.describe(plan, rows_of(settings, progress.step))
            raise diverged(f"{', '.join(bad)} not finite", progress, patches, resume)
        before = progress.sums or [0.0] * len(values)
        progress.sums = [a + b for a, b in zip(before, values, strict=True)]
        progress.step += 1


def diverged(what: str, progress: Progress, patches: str, resume: ResumeFolder) -> InputError:
    """Return the error that stops a run whose losses or weights are spoilt."""
    return InputError(
        f"training diverged: {what} at epoch {progress.epoch}, step {progress.step + 1} "
        f"({patches}); last good checkpoint: {resume.newest or 'none yet'}. Look at the normalized "
        "images and masks there, or lower train.learning_rate"
    )


@torch.no_grad()
def finish_epoch(
    model: Model,
    progress: Progress,
    sampler: Sampler | None,
    settings: TrainSettings,
    resume: ResumeFolder,
) -> dict:
    """Measure the validation losses, note new minima and return the epoch's row of the history.

    A component's minimum is taken over validation where there is any, else over training.

    Raises
    ------
    InputError
        If a validation loss is not finite.
    """
    names = model.components
    means = [total / progress.step for total in progress.sums]
    row = {"epoch": progress.epoch, "steps": progress.step, "seconds": progress.seconds}
    row["learning_rate"] = learning_rate(settings, progress.epoch)
    row |= {f"train_{n}": v for n, v in zip((*names, "discriminator"), means, strict=True)}
    judged = "train"
    if sampler:
        plan = sampler.plan(settings.seed, VALIDATION_EPOCH)
        batches = math.ceil(len(plan.pair) / settings.batch)
        rows = [rows_of(settings, step) for step in range(batches)]
        losses = torch.stack([model.validate(sampler.batch(plan, r)) for r in rows])
        for r, finite in zip(rows, losses.isfinite().all(1).tolist(), strict=True):
            if not finite:
                patches = f"validation {sampler.describe(plan, r)}"
                raise diverged("validation losses not finite", progress, patches, resume)
        means = losses.mean(0).tolist()
        row |= {f"validation_{n}": v for n, v in zip(names, means, strict=True)}
        judged = "validation"
    improved = False
    for name in names:
        value = row[f"{judged}_{name}"]
        if name not in progress.best or value < progress.best[name]["value"]:
            progress.best[name] = {"value": value, "epoch": progress.epoch}
            improved = True
    if improved:
        resume.save_best(progress.epoch, model.generators.state_dict())
    progress.history.append(row)
    progress.epoch, progress.step, progress.sums = progress.epoch + 1, 0, []
    return row


def write_history(history: list[dict], out: Path) -> None:
    """Write ``history.csv``, a row an epoch."""
    with replacing(out / "history.csv") as path:
        pd.DataFrame(history).to_csv(path, index=False)


def report(
    row: dict, settings: TrainSettings, rate: float, eta_s: float, device: torch.device
) -> None:
    """Log one line for a finished epoch."""
    losses = "  ".join(
        f"{key.removeprefix('train_')} {value:.4f}"
        for key, value in row.items()
        if key.startswith("train_")
    )
    if "validation_total" in row:
        losses += f"  validation total {row['validation_total']:.4f}"
    eta = f"{eta_s / 3600:.1f} h" if eta_s > 5400 else f"{eta_s:.0f} s"
    memory = ""
    if device.type == "cuda":
        memory = f"  {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB"
    epoch = f"epoch {row['epoch']}/{settings.epochs}"
    log.info("%s  %s  %.2f steps/s%s  left %s", epoch, losses, rate, memory, eta)
