"""Checkpoints from which a stopped run resumes, in a folder that outlives the job's outputs.

A checkpoint's name carries its step and the checksum of its content, so one rename makes it valid
and a torn one is found out. The two newest are kept. ``run.json`` says which settings and images
the folder belongs to.
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
FORMAT = 2  # of what a checkpoint holds; one of another format is not read
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
        Made if missing. Its content is removed if it belongs to a different run.
    run : dict
        What the run is: ``settings`` (key to value) and ``inputs`` (file to checksum), as JSON.
        The checkpoints' format is added.
    """

    def __init__(self, path: str | Path, run: dict):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.best = self.path / "best"
        run = {"format": FORMAT, **json.loads(json.dumps(run))}
        found = self._read_run()
        if found != run:
            if self._checkpoints():
                log.info("%s: starting anew: %s", self.path, _difference(found, run))
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
        found = [path for path in self.path.iterdir() if NAME.fullmatch(path.name)]
        return sorted(found, reverse=True)

    @property
    def newest(self) -> Path | None:
        """The last checkpoint written, if any."""
        return next(iter(self._checkpoints()), None)

    @contextlib.contextmanager
    def writing(self, what: str) -> Iterator[None]:
        """Name what could not be written inside the block, and where the run would go on.

        Raises
        ------
        InputError
            For a full disk or the like; nothing already written is touched.
        """
        try:
            yield
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{self.path}: cannot write {what} ({error}); the last good checkpoint is "
                f"{self.newest or 'none yet'}. Free some space and start again: the run continues "
                "from it"
            ) from error

    def save(self, state: dict, step: int) -> Path:
        """Write a checkpoint beside the older ones, then drop all but the two newest.

        Raises
        ------
        InputError
            If it cannot be written (a full disk); the older ones are still there.
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
        return self.path / name

    def load(self) -> dict | None:
        """Return the newest checkpoint that is whole, or None; torn ones are removed."""
        for path in self._checkpoints():
            if file_checksum(path)[:16] == NAME.fullmatch(path.name)[2]:
                log.info("continuing from %s", path)
                return torch.load(path, map_location="cpu", weights_only=True)
            log.warning("%s: damaged; trying the checkpoint before it", path)
            path.unlink()
        return None

    def save_best(self, epoch: int, weights: dict) -> None:
        """Keep an epoch's generator weights because one of its losses is the lowest so far."""
        with self.writing("the best weights"):
            with replacing(self.best / f"epoch-{epoch:05d}.pt") as path:
                torch.save(weights, path)

    def load_best(self, epoch: int) -> dict:
        """Return weights kept by :meth:`save_best`."""
        path = self.best / f"epoch-{epoch:05d}.pt"
        return torch.load(path, map_location="cpu", weights_only=True)

    def keep_best(self, epochs: set[int]) -> None:
        """Remove the weights of all epochs but these."""
        for path in self.best.glob("epoch-*.pt"):
            if int(path.stem.removeprefix("epoch-")) not in epochs:
                path.unlink()

    def clear(self) -> None:
        """Remove the checkpoints and what goes with them, and nothing else."""
        (self.path / "run.json").unlink(missing_ok=True)
        best = self.best.glob("epoch-*.pt") if self.best.is_dir() else []
        for path in [*self._checkpoints(), *best, *self.path.glob(".partial-*")]:
            path.unlink()


def _difference(found: dict, run: dict) -> str:
    """Say which settings and files are not those of the run whose checkpoints were found."""
    if not found:
        return "the checkpoints there do not say what they belong to"
    if found.get("format") != FORMAT:
        return "the checkpoints there are of another version of this program"
    changed = [
        str(key)
        for part in ("settings", "inputs")
        for key in sorted({*found.get(part, {}), *run[part]})
        if found.get(part, {}).get(key) != run[part].get(key)
    ]
    return "the checkpoints there belong to a run with other " + ", ".join(changed)
