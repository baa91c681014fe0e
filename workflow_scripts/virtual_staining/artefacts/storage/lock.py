"""A folder that only one process may use at a time."""

import contextlib
import fcntl
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from virtual_staining.errors import InputError

log = logging.getLogger(__name__)


@contextlib.contextmanager
def only_one_process(folder: str | Path) -> Iterator[None]:
    """Hold a lock on a folder while the block runs.

    The lock lies in the file ``lock`` of the folder. The system gives it back when the process
    ends, in whatever way; the file stays and says nothing by itself.

    Parameters
    ----------
    folder : path
        Made if missing.

    Raises
    ------
    InputError
        If another process holds the lock.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise InputError(
                f"{folder}: another process works in this folder ({file.read().strip()}); wait "
                "until it has ended, or end it, then start again"
            ) from error
        except OSError as error:
            log.warning("%s: the file system offers no locks (%s)", folder, error)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
