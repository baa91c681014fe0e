"""Snakemake on the cluster, through the profile by its bare name."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import yaml
from paired_study import write_pairs, write_study
from study import STUDY
from workspace import make_workspace

PATIENCE = 6  # a busy machine may take so many times longer than a quiet one; nobody waits for less
# The profile's numbers are those of real machines and real patience.
QUICK = (
    *("--configfile", "study.yaml"),
    *("--slurm-init-seconds-before-status-checks", "2"),
    *("--latency-wait", "10"),
    "--set-threads",
    *(f"{rule}=1" for rule in ("train_model", "infer_slides", "stain_volume", "draw_volume")),
    "ingest_volume=1",
)
QUICK_TRAIN_MEMORY = "train_model:mem_mb=4000"


@dataclass
class Study:
    """A workspace and the environment in which its Snakemake runs."""

    folder: Path
    environment: dict

    @classmethod
    def make(cls, folder: Path, config_home: Path) -> "Study":
        """Link the workflow into a folder, with the numbers of a study whose jobs take seconds."""
        make_workspace(folder, STUDY)
        environment = {
            **os.environ,
            "XDG_CONFIG_HOME": str(config_home),
            "OMP_NUM_THREADS": "1",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }
        return cls(folder, environment)

    @classmethod
    def with_pairs(cls, folder: Path, config_home: Path, **changes) -> "Study":
        """Return a study whose pairs lie there already, so that folds and trainings come next."""
        folder.mkdir(parents=True)
        study = cls.make(folder, config_home)
        write_pairs(folder, {"a": "crossval", "b": "crossval", "t": "test"})
        write_study(folder, tuple(STUDY["models"]), folds=2, **changes)
        return study

    @property
    def results(self) -> Path:
        """The folder that the study's jobs write to."""
        return self.folder / yaml.safe_load((self.folder / "study.yaml").read_text())["results"]

    def start(self, *arguments: str, name: str = "run") -> "Run":
        """Start Snakemake with the profile; it is stopped with the tests at the latest."""
        # Targets come first: the options that take several values would swallow them.
        command = [sys.executable, "-m", "snakemake", *arguments, "--profile", "slurm-gpu", *QUICK]
        return self._start(command, name)

    def _start(self, command: list, name: str) -> "Run":
        log = self.folder / f"{name}.log"
        with open(log, "wb") as output:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        STARTED.append(Run(process, log))
        return STARTED[-1]


@dataclass
class Run:
    """A Snakemake that has been started."""

    process: subprocess.Popen
    log: Path

    @property
    def text(self) -> str:
        """Everything it has said so far."""
        return self.log.read_text(errors="replace")

    def wait(self, seconds: float = 240, success: bool = True) -> str:
        """Wait for the end, check how it ended, return what was said."""
        try:
            code = self.process.wait(PATIENCE * seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            raise AssertionError(
                f"not finished after {PATIENCE * seconds} s\n{self.text[-4000:]}"
            ) from None
        assert (code == 0) is success, f"exit status {code}\n{self.text[-4000:]}"
        return self.text

    def until(self, condition, what: str, seconds: float = 60):
        """Wait until a condition is true while Snakemake runs; return its value."""
        end = time.monotonic() + PATIENCE * seconds
        while not (value := condition()):
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise AssertionError(f"waited in vain for {what}\n{self.text[-4000:]}")
            time.sleep(0.2)
        return value

    def stop(self) -> None:
        """End it as Ctrl-C would, so that its jobs are cancelled."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)


STARTED: list[Run] = []


def stop_all() -> None:
    """End whatever a test has left running, as when it failed half-way."""
    while STARTED:
        STARTED.pop().stop()
