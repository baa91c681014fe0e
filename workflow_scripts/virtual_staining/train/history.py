"""The losses of a run's epochs: sums, table, curves and TensorBoard events."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib import pyplot as plt
from tensorboardX import SummaryWriter

from virtual_staining.artefacts.storage.atomic import replacing

matplotlib.use("Agg")


@dataclass
class Progress:
    """The state of a run apart from its model; a checkpoint holds all of it.

    Parameters
    ----------
    epoch, step : int
        Current epoch, from 1, and number of its steps that are done.
    sums : list of float
        Each loss, summed over those steps.
    seconds : float
        Time spent training, over all starts of the run.
    history : list of dict
        One row for each finished epoch, as in ``history.csv``.
    best : dict
        Loss component to ``{"value", "epoch"}`` of its minimum so far.
    """

    epoch: int = 1
    step: int = 0
    sums: list[float] = field(default_factory=list)
    seconds: float = 0.0
    history: list[dict] = field(default_factory=list)
    best: dict[str, dict] = field(default_factory=dict)

    @property
    def steps_done(self) -> int:
        """Number of steps in all epochs."""
        return sum(row["steps"] for row in self.history) + self.step

    def add_step(self, losses: Iterable[float]) -> None:
        """Add the losses of one step to the sums of the epoch."""
        losses = list(losses)
        sums = self.sums or [0.0] * len(losses)
        self.sums = [a + b for a, b in zip(sums, losses, strict=True)]
        self.step += 1

    def finish_epoch(
        self, learning_rate: float, names: Iterable[str], validation: dict[str, float]
    ) -> tuple[dict, bool]:
        """Add a row to the history and go to the next epoch.

        Parameters
        ----------
        learning_rate : float
            Adam's step size in the epoch.
        names : iterable of str
            Names of the summed losses, the generators' components before ``discriminator``.
        validation : dict of str to float
            Mean of each component on the validation patches; empty without validation.

        Returns
        -------
        row : dict
            The new row.
        improved : bool
            Whether a component reached a new minimum: of its validation loss, or of its training
            loss if there is no validation.
        """
        training = {n: total / self.step for n, total in zip(names, self.sums, strict=True)}
        row = {"epoch": self.epoch, "steps": self.step, "seconds": self.seconds}
        row["learning_rate"] = learning_rate
        row |= {f"train_{name}": value for name, value in training.items()}
        row |= {f"validation_{name}": value for name, value in validation.items()}
        compared = validation or {n: v for n, v in training.items() if n != "discriminator"}
        improved = False
        for name, value in compared.items():
            if name not in self.best or value < self.best[name]["value"]:
                self.best[name] = {"value": value, "epoch": self.epoch}
                improved = True
        self.history.append(row)
        self.epoch, self.step, self.sums = self.epoch + 1, 0, []
        return row, improved


def write_history(history: list[dict], path: Path) -> None:
    """Write ``history.csv``, a row an epoch."""
    with replacing(path) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)


def draw_curves(history: pd.DataFrame, titles: dict[str, str], path: str | Path) -> None:
    """Draw each loss over the epochs, training and validation, and write a PNG.

    Parameters
    ----------
    history : DataFrame
        As in ``history.csv``: ``epoch``, and columns ``train_<loss>`` and ``validation_<loss>``.
    titles : dict of str to str
        The printed title of each loss.
    path : path
        Ends in ``.png``.
    """
    figure, axes = plt.subplots(
        1, len(titles), figsize=(2.6 * len(titles), 2.6), layout="constrained", squeeze=False
    )
    marker = "o" if len(history) == 1 else None
    for axis, (name, title) in zip(axes[0], titles.items(), strict=True):
        for subset, label in (("train", "training"), ("validation", "validation")):
            if f"{subset}_{name}" in history:
                axis.plot(history["epoch"], history[f"{subset}_{name}"], marker=marker, label=label)
        axis.set(title=title, xlabel="epoch")
        axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize="small")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
    plt.close(figure)


@contextmanager
def event_log(wanted: bool, folder: Path, progress: Progress) -> Iterator[Callable[[dict], None]]:
    """Write the finished epochs as TensorBoard events and yield a function that adds one more.

    Older events in the folder are removed: a stopped run may have logged epochs after its last
    checkpoint, and the continued run logs these epochs again.

    Parameters
    ----------
    wanted : bool
        If false, the function does nothing.
    folder : path
        Folder of the events.
    progress : Progress
        History and training time of the run so far.

    Yields
    ------
    callable
        Takes a row of the history. A column ``train_<loss>`` becomes the curve ``<loss>/train``,
        ``validation_<loss>`` the curve ``<loss>/validation``; the step is the epoch.
    """
    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    if not wanted:
        yield lambda row: None
        return
    started = time.time() - progress.seconds
    with closing(SummaryWriter(str(folder))) as writer:

        def add(row: dict) -> None:
            position = {"global_step": row["epoch"], "walltime": started + row["seconds"]}
            for key, value in row.items():
                subset, _, name = key.partition("_")
                if subset in ("train", "validation"):
                    writer.add_scalar(f"{name}/{subset}", value, **position)
            writer.add_scalar("learning_rate", row["learning_rate"], **position)
            writer.flush()

        for row in progress.history:
            add(row)
        yield add
