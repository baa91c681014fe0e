"""The training loop: epochs of steps, the record of losses, checkpoints and the final weights."""

import logging
import math
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from virtual_staining.errors import InputError
from virtual_staining.files import replacing
from virtual_staining.intensity import ct_window
from virtual_staining.pairs import Pair
from virtual_staining.train.checkpoint import ResumeFolder
from virtual_staining.train.curves import draw_curves
from virtual_staining.train.models import Model, build_model
from virtual_staining.train.sampler import Plan, Sampler
from virtual_staining.train.settings import Settings

log = logging.getLogger(__name__)

# Losses are looked at in groups, so that a GPU need not wait for the host at every step.
LOOK_EVERY_STEPS = 20
VALIDATION_EPOCH = 0  # training epochs count from 1


DIRECTIONS = {"slide": "forward", "ct": "reverse"}  # what a generator makes: its name in the file


class Interrupted(Exception):
    """The run was asked to stop and has written a checkpoint."""


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


def train(
    settings: Settings,
    training: list[Pair],
    validation: list[Pair],
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

    while progress.epoch <= settings.epochs:
        epoch = progress.epoch
        model.set_learning_rate(learning_rate(settings, epoch))
        plan = samplers["train"].plan(settings.seed, epoch)
        pending: list[torch.Tensor] = []
        for step in _bar(range(progress.step, steps), f"epoch {epoch}/{settings.epochs}"):
            batch = samplers["train"].batch(plan, _rows(settings, step))
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
        row = finish_epoch(model, progress, samplers["validation"], settings, resume)
        _write_history(progress.history, out)
        rate = epoch * steps / progress.seconds
        _report(row, settings, rate, (settings.epochs - epoch) * steps / rate, device)
    write_results(model, progress, settings, resume, out)


def build_samplers(
    settings: Settings, training: list[Pair], validation: list[Pair], device: torch.device
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


def learning_rate(settings: Settings, epoch: int) -> float:
    """Return Adam's step size in an epoch: constant, then linearly towards 0 where asked for."""
    start = settings.decay_from_epoch
    if start is None or epoch <= start:
        return settings.learning_rate
    return settings.learning_rate * (settings.epochs + 1 - epoch) / (settings.epochs + 1 - start)


def step_seed(seed: int, epoch: int, step: int) -> int:
    """Return the seed of one step's chance, the same however the run came to that step."""
    return int(np.random.SeedSequence([seed, epoch, step]).generate_state(1)[0])


def _rows(settings: Settings, step: int) -> slice:
    return slice(step * settings.batch, (step + 1) * settings.batch)


def add_up(
    progress: Progress,
    pending: list[torch.Tensor],
    model: Model,
    sampler: Sampler,
    plan: Plan,
    settings: Settings,
    resume: ResumeFolder,
) -> None:
    """Add the losses of some steps to the epoch's sums and count the steps as done.

    Raises
    ------
    InputError
        If one is not finite; names the step, its samples and the last good checkpoint.
    """
    names = [*model.components, "discriminator"]
    for values in torch.stack(pending).cpu().tolist():
        bad = [name for name, value in zip(names, values, strict=True) if not math.isfinite(value)]
        if bad:
            samples = [sampler.samples[i] for i in plan.pair[_rows(settings, progress.step)]]
            raise InputError(
                f"training diverged: {', '.join(bad)} not finite at epoch {progress.epoch}, step "
                f"{progress.step + 1} (samples {', '.join(samples)}); last good checkpoint: "
                f"{resume.newest or 'none yet'}. Look at these samples' normalized images and "
                "masks, or lower train.learning_rate"
            )
        before = progress.sums or [0.0] * len(values)
        progress.sums = [a + b for a, b in zip(before, values, strict=True)]
        progress.step += 1


def save(model: Model, progress: Progress, resume: ResumeFolder, references: list[dict]) -> None:
    """Write a checkpoint, unless the weights are spoilt, and drop best epochs no longer named."""
    if not model.is_finite():
        raise InputError(
            f"training diverged: weights not finite after epoch {progress.epoch}, step "
            f"{progress.step}; last good checkpoint: {resume.newest or 'none yet'}. Lower "
            "train.learning_rate"
        )
    steps_done = sum(row["steps"] for row in progress.history) + progress.step
    resume.save({"model": model.state_dict(), "progress": asdict(progress)}, steps_done)
    # After a restart the older checkpoint's table is not known: wait until two are.
    references.append({entry["epoch"] for entry in progress.best.values()})
    if len(references) >= 2:
        del references[:-2]
        resume.keep_best(references[0] | references[1])


@torch.no_grad()
def finish_epoch(
    model: Model,
    progress: Progress,
    sampler: Sampler | None,
    settings: Settings,
    resume: ResumeFolder,
) -> dict:
    """Measure the validation losses, note new minima and return the epoch's row of the history.

    A component's minimum is taken over validation where there is any, else over training.
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
        rows = [_rows(settings, step) for step in range(batches)]
        losses = torch.stack([model.validate(sampler.batch(plan, r)) for r in rows]).mean(0)
        row |= {f"validation_{n}": v for n, v in zip(names, losses.tolist(), strict=True)}
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


def write_results(
    model: Model, progress: Progress, settings: Settings, resume: ResumeFolder, out: Path
) -> None:
    """Write ``best/``, ``curves.png`` and ``generator.pt``, then drop the run's checkpoints.

    Without them a forced rerun of the same settings trains anew.
    """
    weights = {}
    with replacing(out / "best") as folder:
        folder.mkdir()
        for name, entry in progress.best.items():
            weights[name] = package(
                settings, resume.load_best(entry["epoch"]), entry["epoch"], name
            )
            torch.save(weights[name], folder / f"{name}.pt")
    weights["last"] = package(settings, model.generators.state_dict(), settings.epochs, "last")
    _write_history(progress.history, out)
    draw_curves(pd.DataFrame(progress.history), out / "curves.png")
    with replacing(out / "generator.pt") as path:
        torch.save(weights[settings.infer_checkpoint], path)
    resume.clear()
    shutil.rmtree(resume.path, ignore_errors=True)


def package(settings: Settings, state: dict, epoch: int, loss: str) -> dict:
    """Return the content of a generator file from the state of all generators."""
    generators: dict[str, dict] = {}
    for key, value in state.items():
        made, parameter = key.split(".", 1)
        generators.setdefault(DIRECTIONS[made], {})[parameter] = value.detach().cpu().clone()
    content = {"model": settings.model, "settings": asdict(settings), "generators": generators}
    return content | {"epoch": epoch, "loss": loss}


def _write_history(history: list[dict], out: Path) -> None:
    with replacing(out / "history.csv") as path:
        pd.DataFrame(history).to_csv(path, index=False)


def _bar(steps: range, title: str):
    return tqdm(steps, desc=title, leave=False, disable=not sys.stderr.isatty())


def _report(row: dict, settings: Settings, rate: float, eta_s: float, device) -> None:
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
