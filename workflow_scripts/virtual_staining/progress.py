"""Progress of long work: a bar for a person, a log line each tenth for a file."""

import contextlib
import logging
import sys
from collections.abc import Callable, Iterator

from tqdm import tqdm


@contextlib.contextmanager
def progress(
    total: int, task: str, unit: str, log: logging.Logger
) -> Iterator[Callable[[int], None]]:
    """Show how far a task is.

    Parameters
    ----------
    total : int
        Number of units of work.
    task, unit : str
        What is done, to how many of what, e.g. ``"ingesting"``, ``"plane"``.
    log : logging.Logger
        Gets the lines when standard error is not a terminal.

    Yields
    ------
    callable
        ``advance(n)``, to be called after each ``n`` units.
    """
    with tqdm(total=total, desc=task, unit=unit, disable=not sys.stderr.isatty()) as bar:
        done = 0

        def advance(n: int) -> None:
            nonlocal done
            before, done = done, done + n
            bar.update(n)
            if bar.disable and done * 10 // total > before * 10 // total:
                log.info("%s: %s %d of %d", task, unit, done, total)

        yield advance
