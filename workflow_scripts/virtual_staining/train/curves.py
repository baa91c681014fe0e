"""The history of a run as a picture, and as TensorBoard events for many runs in one place."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib import pyplot as plt
from tensorboardX import SummaryWriter

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.train.history import Progress

matplotlib.use("Agg")


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
    names = [c.removeprefix("train_") for c in history.columns if c.startswith("train_")]
    figure, axes = plt.subplots(
        1, len(names), figsize=(2.6 * len(names), 2.6), layout="constrained", squeeze=False
    )
    marker = "o" if len(history) == 1 else None
    for axis, name in zip(axes[0], names, strict=True):
        axis.plot(history["epoch"], history[f"train_{name}"], marker=marker, label="training")
        if f"validation_{name}" in history:
            axis.plot(
                history["epoch"], history[f"validation_{name}"], marker=marker, label="validation"
            )
        axis.set(title=titles[name], xlabel="epoch")
        axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize="small")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
    plt.close(figure)


@contextmanager
def event_log(wanted: bool, folder: Path, progress: Progress) -> Iterator[Callable[[dict], None]]:
    """Write the epochs so far as events and hand out a function that adds another.

    Older events in the folder are removed, so that what a stopped run had logged beyond its
    checkpoint does not appear twice.

    Parameters
    ----------
    wanted : bool
        If not, the function does nothing.
    folder : path
        Where the events lie.
    progress : Progress
        The history and the training time of the run so far.

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
            place = {"global_step": row["epoch"], "walltime": started + row["seconds"]}
            for key, value in row.items():
                subset, _, name = key.partition("_")
                if subset in ("train", "validation"):
                    writer.add_scalar(f"{name}/{subset}", value, **place)
            writer.add_scalar("learning_rate", row["learning_rate"], **place)
            writer.flush()

        for row in progress.history:
            add(row)
        yield add
