"""Checkpoints from which a stopped run resumes, in a folder that outlives the job's outputs.

The name of a checkpoint holds its step and the checksum of its content: a single rename makes the
file valid, and a torn file does not match its name. The two newest are kept. ``run.json`` records
the settings and images of the run.
"""

import contextlib
import errno
import json
import logging
import os
import pickle
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from virtual_staining.artefacts.storage.atomic import replacing, write_json
from virtual_staining.artefacts.training_record import file_checksum
from virtual_staining.errors import InputError
from virtual_staining.train.identity import difference

log = logging.getLogger(__name__)

KEPT = 2
FORMAT = 4  # format of the checkpoints; checkpoints of another format are not read
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LITTLE_BYTES = 2**24  # a disk with less room is full
NAME = re.compile(r"step-(\d{10})-([0-9a-f]{16})\.pt")


class ResumeFolder:
    """The checkpoints of one run.

    Parameters
    ----------
    path : path
        Folder, created if missing. Checkpoints of another run in the folder are set aside, and
        what a killed process has not finished writing is removed.
    run : dict
        The identity of the run: ``settings`` (key to value) and ``inputs`` (file to checksum), as
        JSON. The format of the checkpoints is added.
    threads : int
        Number of CPU threads of this start.
    device : str
        ``cpu`` or the name of the GPU.
    """

    def __init__(self, path: str | Path, run: dict, threads: int = 1, device: str = "cpu"):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self.best = self.path / "best"
        for left in self.path.glob(".partial-*"):  # of a killed process: the caller holds the lock
            left.unlink()
        self._best_epochs: list[set[int]] = []  # of each checkpoint that this process has written
        run = {"format": FORMAT, **json.loads(json.dumps(run))}
        recorded = self._read_run()
        said = difference(recorded, run)
        if said:
            self._set_aside(said)
            recorded = {}
        self.machines = {
            "threads": [*recorded.get("threads", []), threads],
            "devices": [*recorded.get("devices", []), device],
        }
        if self._checkpoints():
            self._warn_of_another_machine()
        self._run = run | self.machines
        self._begin()

    def _begin(self) -> None:
        write_json(self.path / "run.json", self._run)
        self.best.mkdir(exist_ok=True)

    def _warn_of_another_machine(self) -> None:
        for name, starts in self.machines.items():
            before, now = starts[-2:] if len(starts) > 1 else (starts[-1], starts[-1])
            if before != now:
                log.warning(
                    "%s: the checkpoint was made with %s %s, this start has %s: the weights will "
                    "differ in rounding from those of an undisturbed training",
                    self.path,
                    name,
                    before,
                    now,
                )

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
            if "CUDA" in str(error):  # the state could not be read from the GPU
                raise
            why, remedy = str(error), "Mend this and start again"
            if self._is_full(error):
                why = why if isinstance(error, OSError) else "the disk is full"
                remedy = "Free some space and start again"
            raise InputError(
                f"{self.path}: cannot write {what} ({why}); the last good checkpoint is "
                f"{self.newest or 'none yet'}. {remedy}: the run continues from it"
            ) from error

    def _is_full(self, error: Exception) -> bool:
        """Tell whether a write failed for want of room; torch does not pass on why it failed."""
        number = getattr(error, "errno", None)
        return number in NO_ROOM or shutil.disk_usage(self.path).free < LITTLE_BYTES

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

    def finish(self, state: dict, step: int, best_epochs: set[int]) -> None:
        """Keep the state after the last epoch alone, from which more epochs can continue.

        The results are written already: if there is no room for the state, they count all the same.
        """
        try:
            last = self.save(state, step, best_epochs)
        except InputError as error:
            log.warning("%s; the training is finished, and more epochs would start anew", error)
            self.clear()
            return
        for old in self._checkpoints():
            if old != last:
                old.unlink()
        self._best_epochs = [best_epochs] * (KEPT - 1)
        self._remove_unused_best(best_epochs)

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
                with contextlib.suppress(pickle.UnpicklingError, RuntimeError):
                    state = torch.load(path, map_location="cpu", weights_only=True)
                    log.info("continuing from %s", path)
                    return state
            log.warning("%s: damaged; trying the checkpoint before it", path)
            path.unlink()
        return None

    def save_best(self, epoch: int, weights: dict) -> None:
        """Keep the generator weights of an epoch in which a loss is the lowest so far."""
        with self.writing("the best weights"):
            with replacing(self.best / f"epoch-{epoch:05d}.pt") as path, open(path, "wb") as file:
                torch.save(weights, file)  # the name of an open file does not enter the archive

    def load_best(self, epoch: int) -> dict:
        """Return weights that :meth:`save_best` kept."""
        path = self.best / f"epoch-{epoch:05d}.pt"
        return torch.load(path, map_location="cpu", weights_only=True)

    def start_anew(self, reason: str) -> None:
        """Set the checkpoints aside although they belong to the run."""
        self._set_aside(reason)
        self._begin()

    def _set_aside(self, reason: str) -> None:
        """Rename checkpoints that cannot be continued, and say why and where they are."""
        checkpoints = self._checkpoints()
        if checkpoints:
            age = time.localtime(checkpoints[0].stat().st_mtime)
            kept = self.path.parent / "earlier" / time.strftime("resume-%Y-%m-%d_%H-%M-%S", age)
            while kept.exists():
                kept = kept.with_name(f"{kept.name}+")
            (kept / "best").mkdir(parents=True)
            for path in [*checkpoints, self.path / "run.json", *self.best.glob("epoch-*.pt")]:
                if path.exists():
                    os.rename(path, kept / path.relative_to(self.path))
            log.warning(
                "%s: starting anew: %s; the earlier checkpoints are kept in %s",
                self.path,
                reason,
                kept,
            )
        self.clear()

    def clear(self) -> None:
        """Remove checkpoints, best weights and ``run.json``, and no other file."""
        (self.path / "run.json").unlink(missing_ok=True)
        best = self.best.glob("epoch-*.pt") if self.best.is_dir() else []
        for path in [*self._checkpoints(), *best, *self.path.glob(".partial-*")]:
            path.unlink()
