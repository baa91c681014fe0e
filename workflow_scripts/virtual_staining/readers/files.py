"""Files that a user or a data file names: what may be opened, and what is said of it."""

import io
import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from virtual_staining.errors import InputError

log = logging.getLogger(__name__)

LONGEST_TEXT = 256 * 2**20  # bytes of annotations, poses, headers and descriptions


def check_regular(path: str | Path) -> None:
    """Refuse what is neither a file nor a folder: reading a pipe or a device may never end.

    Raises
    ------
    InputError
        Naming the path; also where it leads nowhere or where the permission to read is missing.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InputError(f"{path}: is a pipe or a device, not a file; name a file")
    needed = os.R_OK | (os.X_OK if stat.S_ISDIR(mode) else 0)
    if not os.access(path, needed, effective_ids=os.access in os.supports_effective_ids):
        raise InputError(f"{path}: must not be read (permission denied); change its permissions")


def check_file(path: str | Path) -> None:
    """Refuse what is no file that one may read.

    Raises
    ------
    InputError
        As in :func:`check_regular`, and for a folder.
    """
    check_regular(path)
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder, not a file; name a file")


def read_text(path: str | Path) -> str:
    """Read a text file of a length that a person or a program wrote for reading.

    Raises
    ------
    InputError
        As in :func:`read_bytes`.
    UnicodeDecodeError
        If it is no UTF-8.
    """
    return io.TextIOWrapper(io.BytesIO(read_bytes(path)), encoding="utf-8").read()


def read_bytes(path: str | Path) -> bytes:
    """Read a file of a length that a person or a program wrote for reading.

    Raises
    ------
    InputError
        As in :func:`check_file`, and if it is longer than 256 MB.
    """
    check_file(path)
    if (size := Path(path).stat().st_size) > LONGEST_TEXT:
        raise InputError(
            f"{path}: has {size_text(size)}, too much for such a file (at most "
            f"{size_text(LONGEST_TEXT)}); is it the right one?"
        )
    return Path(path).read_bytes()


def check_outside(path: Path, files: Iterable[Path]) -> None:
    """Warn of files that a data file leads to and that lie neither in its folder nor below it.

    Parameters
    ----------
    path : Path
        The file that the user named.
    files : iterable of Path
        What its content leads to.
    """
    home = path.resolve().parent
    outside = {file.resolve() for file in files if not file.resolve().is_relative_to(home)}
    if outside:
        more = f" and {len(outside) - 3} more" if len(outside) > 3 else ""
        log.warning("%s: its values lie in %s%s, outside its folder; they are read", path,
                    ", ".join(map(str, sorted(outside)[:3])), more)  # fmt: skip


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files in a folder and its folders; links to folders are not entered.

    Raises
    ------
    InputError
        If a pipe or a device lies in it.
    """
    total, folders = 0, [folder]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif entry.is_file():
                    total += entry.stat().st_size
                else:
                    check_regular(entry.path)
    return total


def size_text(number: float) -> str:
    """Return a number of bytes in words."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            return f"{number:.3g} {unit}" if unit != "bytes" else f"{number:.0f} bytes"
        number /= 1000
    raise AssertionError
