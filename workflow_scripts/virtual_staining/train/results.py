"""The files that a finished run leaves: weights, minima, history and curves."""

import shutil
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch

from virtual_staining.files import replacing
from virtual_staining.train.checkpoint import ResumeFolder
from virtual_staining.train.curves import draw_curves
from virtual_staining.train.model import Model
from virtual_staining.train.record import Progress, write_history
from virtual_staining.train.settings import Settings

DIRECTIONS = {"slide": "forward", "ct": "reverse"}  # what a generator makes: its name in the file


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
    write_history(progress.history, out)
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
