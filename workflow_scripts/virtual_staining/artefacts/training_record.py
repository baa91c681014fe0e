"""``training.json``: what the weights beside it were trained on.

The file tells a later run why it trains again, and, where Snakemake has no record of its own (a new
clone, another name of the results folder), that it need not.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from virtual_staining import __version__
from virtual_staining.artefacts.folders import TrainedFolder
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.document import read_document, write_document
from virtual_staining.errors import InputError

FORMAT = 1
REMEDY = "delete the file: it only tells what the weights were trained on"


def file_checksum(path: str | Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    InputError
        If it does not exist.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error


@dataclass(frozen=True)
class TrainingRecord:
    """What some weights were trained on.

    Parameters
    ----------
    settings : dict
        The keys that reach the weights of the model, and their values.
    inputs : dict
        ``fold``: ids of the training and of the validation samples; ``sample/kind``: checksum of
        an image.
    decided : dict
        Name to checksum of the files of the split that the training read.
    threads : list of int
        Numbers of CPU threads, in the order of the run's starts. Sums are rounded otherwise with
        another number, so that weights differ from about the seventh digit on.
    devices : list of str
        ``cpu`` or the name of the GPU, likewise.
    """

    settings: Mapping[str, Any]
    inputs: Mapping[str, Any]
    decided: Mapping[str, str] = field(default_factory=dict)
    threads: list[int] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)


def write_record(folder: TrainedFolder, record: TrainingRecord) -> None:
    """Write the record of a finished training."""
    write_document(folder.record, FORMAT, {**asdict(record), "version": __version__})


def read_record(folder: TrainedFolder) -> TrainingRecord | None:
    """Return the record of the weights of a folder; None where there is none that can be read."""
    try:
        values = read_document(folder.record, FORMAT, REMEDY).values
        return TrainingRecord(**{name: values[name] for name in TrainingRecord.__annotations__})
    except (InputError, KeyError):
        return None


def was_trained_on(folder: TrainedFolder, file: str | Path) -> bool:
    """Tell whether the weights of a folder were trained on a file of the split of this content."""
    record = read_record(folder)
    known = record.decided.get(Path(file).name) if record and folder.best.is_dir() else None
    return known is not None and Path(file).is_file() and file_checksum(file) == known


def keep_weights(folder: TrainedFolder) -> Path | None:
    """Keep weights that are about to be replaced under ``earlier/`` and the time of their history.

    The files are linked, where the file system can: that takes no space until they are replaced.

    Returns
    -------
    Path or None
        Where the weights are kept; None if there are none.
    """
    if not folder.best.is_dir():
        return None
    age = (folder.history if folder.history.is_file() else folder.best).stat().st_mtime
    kept = folder.earlier / time.strftime("%Y-%m-%d_%H-%M-%S", time.localtime(age))
    if kept.is_dir():
        return kept
    with replacing(kept) as partial:
        partial.mkdir()
        shutil.copytree(folder.best, partial / folder.best.name, copy_function=_link)
        for file in (folder.generator, folder.history, folder.curves, folder.record):
            if file.is_file():
                _link(str(file), str(partial / file.name))
    return kept


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
