"""Checkpoints from which a stopped run resumes, in a folder that outlives the job's outputs.

The name of a checkpoint holds its step and the checksum of its content: a single rename makes the
file valid, and a torn file does not match its name. The two newest are kept. ``run.json`` records
the settings and images of the run.
"""

import contextlib
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import torch

from virtual_staining.artefacts.storage.atomic import replacing, write_json
from virtual_staining.errors import InputError

log = logging.getLogger(__name__)

KEPT = 2
FORMAT = 4  # format of the checkpoints; checkpoints of another format are not read
NAME = re.compile(r"step-(\d{10})-([0-9a-f]{16})\.pt")


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


class ResumeFolder:
    """The checkpoints of one run.

    Parameters
    ----------
    path : path
        Folder, created if missing. Checkpoints of another run in the folder are removed.
    run : dict
        The identity of the run: ``settings`` (key to value) and ``inputs`` (file to checksum), as
        JSON. The format of the checkpoints is added.
    """

    def __init__(self, path: str | Path, run: dict):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.best = self.path / "best"
        self._best_epochs: list[set[int]] = []  # of each checkpoint that this process has written
        run = {"format": FORMAT, **json.loads(json.dumps(run))}
        recorded = self._read_run()
        if recorded != run:
            if self._checkpoints():
                log.info("%s: starting anew: %s", self.path, _difference(recorded, run))
            self.clear()
            write_json(self.path / "run.json", run)
        self.best.mkdir(exist_ok=True)

    def _read_run(self) -> dict:
        try:
            return json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}

    def _checkpoints(self) -> list[Path]:
        """Return the checkpoints, newest first."""
        paths = [path for path in self.path.iterdir() if NAME.fullmatch(path.name)]
        return sorted(paths, reverse=True)

    @property
    def newest(self) -> Path | None:
        """The last checkpoint written, if any."""
        return next(iter(self._checkpoints()), None)

    @contextlib.contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Turn a failure to write ``what`` inside the block into an error for the user.

        Raises
        ------
        InputError
            For a full disk or the like, naming the checkpoint from which the run would continue.
        """
        try:
            yield
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{self.path}: cannot write {what} ({error}); the last good checkpoint is "
                f"{self.newest or 'none yet'}. Free some space and start again: the run continues "
                "from it"
            ) from error

    def save(self, state: dict, step: int, best_epochs: set[int]) -> Path:
        """Write a checkpoint beside the older ones, then remove files no longer needed.

        Parameters
        ----------
        state : dict
            Content of the checkpoint.
        step : int
            Number of steps done.
        best_epochs : set of int
            Epochs whose best weights the checkpoint refers to.

        Raises
        ------
        InputError
            If the checkpoint cannot be written (a full disk); the older ones are still there.
        """
        temporary = self.path / f".partial-{os.getpid()}"
        try:
            with self.writing("a checkpoint"), open(temporary, "wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            name = f"step-{step:010d}-{file_checksum(temporary)[:16]}.pt"
            os.replace(temporary, self.path / name)
        finally:
            temporary.unlink(missing_ok=True)
        for old in self._checkpoints()[KEPT:]:
            old.unlink()
        self._remove_unused_best(best_epochs)
        return self.path / name

    def _remove_unused_best(self, best_epochs: set[int]) -> None:
        """Remove best weights to which neither of the two newest checkpoints refers.

        Nothing is removed before this process has written two checkpoints: until then the epochs of
        the older checkpoint are not known.
        """
        self._best_epochs = [*self._best_epochs, best_epochs][-KEPT:]
        if len(self._best_epochs) < KEPT:
            return
        used = set.union(*self._best_epochs)
        for path in self.best.glob("epoch-*.pt"):
            if int(path.stem.removeprefix("epoch-")) not in used:
                path.unlink()

    def load(self) -> dict | None:
        """Return the newest undamaged checkpoint, or None; damaged ones are removed."""
        for path in self._checkpoints():
            if file_checksum(path)[:16] == NAME.fullmatch(path.name)[2]:
                log.info("continuing from %s", path)
                return torch.load(path, map_location="cpu", weights_only=True)
            log.warning("%s: damaged; trying the checkpoint before it", path)
            path.unlink()
        return None

    def save_best(self, epoch: int, weights: dict) -> None:
        """Keep the generator weights of an epoch in which a loss is the lowest so far."""
        with self.writing("the best weights"):
            with replacing(self.best / f"epoch-{epoch:05d}.pt") as path:
                torch.save(weights, path)

    def load_best(self, epoch: int) -> dict:
        """Return weights that :meth:`save_best` kept."""
        path = self.best / f"epoch-{epoch:05d}.pt"
        return torch.load(path, map_location="cpu", weights_only=True)

    def clear(self) -> None:
        """Remove checkpoints, best weights and ``run.json``, and no other file."""
        (self.path / "run.json").unlink(missing_ok=True)
        best = self.best.glob("epoch-*.pt") if self.best.is_dir() else []
        for path in [*self._checkpoints(), *best, *self.path.glob(".partial-*")]:
            path.unlink()


def _difference(recorded: dict, run: dict) -> str:
    """Return the reason why checkpoints of the recorded run cannot continue this run."""
    if not recorded:
        return "the checkpoints there do not say what they belong to"
    if recorded.get("format") != FORMAT:
        return "the checkpoints there are of another version of this program"
    changed = [
        str(key)
        for part in ("settings", "inputs")
        for key in sorted({*recorded.get(part, {}), *run[part]})
        if recorded.get(part, {}).get(key) != run[part].get(key)
    ]
    return "the checkpoints there belong to a run with other " + ", ".join(changed)
