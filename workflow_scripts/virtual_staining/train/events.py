"""The history as TensorBoard events, for those who watch many runs in one place."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tensorboardX import SummaryWriter

from virtual_staining.train.record import Progress


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
