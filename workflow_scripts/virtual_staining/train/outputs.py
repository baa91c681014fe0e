"""The files that a finished run leaves: weights, minima, history and curves."""

import shutil
from pathlib import Path

import pandas as pd
import torch

from virtual_staining.artefacts.generator import package
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.models.model import Model
from virtual_staining.settings.train import TrainSettings
from virtual_staining.train.checkpoint import ResumeFolder
from virtual_staining.train.curves import draw_curves
from virtual_staining.train.history import Progress, write_history


def write_results(
    model: Model, progress: Progress, settings: TrainSettings, resume: ResumeFolder, out: Path
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
    titles = {**model.components, "discriminator": "discriminator"}
    draw_curves(pd.DataFrame(progress.history), titles, out / "curves.png")
    with replacing(out / "generator.pt") as path:
        torch.save(weights[settings.infer_checkpoint], path)
    resume.clear()
    shutil.rmtree(resume.path, ignore_errors=True)
