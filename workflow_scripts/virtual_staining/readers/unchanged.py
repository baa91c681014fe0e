"""Raw files that somebody still copies or writes while they are read."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError

NAMED = 3  # changed files that the sentence names

State = dict[str, tuple[int, int]]


def files_state(path: Path) -> State:
    """Return size (bytes) and time of change (ns) of each file that holds an image.

    Parameters
    ----------
    path : Path
        A file, to which all files and folders of the same stem beside it belong (the values of a
        header, the data of a slide scanner); or a folder with all files in it.

    Returns
    -------
    dict
        Path to (bytes, ns).
    """
    if path.is_dir():
        return dict(_states(path))
    stem = path.name.split(".")[0]
    states = {}
    for beside in path.parent.iterdir():
        if beside.name.split(".")[0] == stem:
            states |= _states(beside)
    return states


def _states(path: Path) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the state of a file, or of all files in a folder; links to folders are not entered."""
    if not path.is_dir():
        stat = path.stat()
        yield str(path), (stat.st_size, stat.st_mtime_ns)
        return
    folders = [str(path)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file():
                    stat = entry.stat()
                    yield entry.path, (stat.st_size, stat.st_mtime_ns)


def reading_unchanged(
    read: Callable[[int, int], np.ndarray], end: int, path: Path, before: State
) -> Callable[[int, int], np.ndarray]:
    """Return a reader that refuses, with its last planes or rows, files that have changed.

    Parameters
    ----------
    read : callable
        ``read(start, stop)`` returns those planes or rows.
    end : int
        Number of planes or rows of the image.
    path : Path
        What the user named.
    before : dict
        What :func:`files_state` returned before the path was opened.

    Returns
    -------
    callable
        As ``read``; raises InputError where ``stop`` is ``end``, or where ``read`` fails, and a
        file is not as before.
    """

    def checked(start: int, stop: int) -> np.ndarray:
        try:
            values = read(start, stop)
        except InputError:
            _refuse_changes(path, before)  # then the file is not damaged
            raise
        if stop == end:
            _refuse_changes(path, before)
        return values

    return checked


def _refuse_changes(path: Path, before: State) -> None:
    now = files_state(path)
    changed = sorted(
        file for file in before.keys() | now.keys() if before.get(file) != now.get(file)
    )
    if changed:
        more = f" and {len(changed) - NAMED} more files" if len(changed) > NAMED else ""
        raise InputError(
            f"{', '.join(changed[:NAMED])}{more}: changed while {path} was read; start again when "
            "nobody copies or writes these files any more"
        )
