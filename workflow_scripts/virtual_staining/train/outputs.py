"""The files that a finished run leaves: weights, history and curves."""

import shutil

import pandas as pd

from virtual_staining.artefacts.folders import TrainedFolder
from virtual_staining.artefacts.generator_file import write_generator
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.models.model import Model
from virtual_staining.settings.train import TrainSettings
from virtual_staining.train.checkpoint import ResumeFolder
from virtual_staining.train.history import Progress, draw_curves, write_history


def write_results(
    model: Model,
    progress: Progress,
    titles: dict[str, str],
    settings: TrainSettings,
    resume: ResumeFolder,
    out: TrainedFolder,
) -> None:
    """Write weights and curves of a finished run."""
    with replacing(out.best) as folder:
        folder.mkdir()
        for name, entry in progress.best.items():
            state = resume.load_best(entry["epoch"])
            write_generator(folder / f"{name}.pt", settings, state, entry["epoch"], name)
        state = model.trained_weights()
        write_generator(folder / "last.pt", settings, state, settings.epochs, "last")
    write_history(progress.history, out.history)
    draw_curves(pd.DataFrame(progress.history), titles, out.curves)
    with replacing(out.generator) as path:
        shutil.copyfile(out.best / f"{settings.infer_checkpoint}.pt", path)
