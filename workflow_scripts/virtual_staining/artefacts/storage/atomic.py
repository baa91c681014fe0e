"""Files that appear only when they are complete: nothing half-written, nothing lost."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from virtual_staining.errors import InputError
from virtual_staining.readers.files import read_text

PARTIAL = "partial"  # output that is being written
ASIDE = "replaced"  # earlier output, while the new output takes its place


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file or folder under a temporary name and rename it when the block succeeds.

    Earlier output under the final name stays until the new output has taken its place. What a
    killed process left behind for the same path is removed first.

    Parameters
    ----------
    path : path
        The final name. Its parent folders are made.

    Yields
    ------
    Path
        A sibling name with the same suffixes; removed if the block raises.

    Raises
    ------
    OSError
        If the system cannot write; the error names ``path``.
    InputError
        If a file is to be written where a folder is; whatever lies in that stays.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear_leftovers(path)
    temporary = _sibling(path, PARTIAL)
    try:
        yield temporary
        _put_in_place(temporary, path)
    except OSError as error:
        # A write that fails names no file, or the temporary one, which is gone by then; a copy
        # that fails names its source first.
        named = [name for name in (error.filename, error.filename2) if name is not None]
        if not named or any(str(name).startswith(str(temporary)) for name in named):
            error.filename = str(path)
        raise
    finally:
        _remove(temporary)


def _sibling(path: Path, kind: str) -> Path:
    return path.with_name(f".{kind}-{os.getpid()}-{path.name}")


def _put_in_place(temporary: Path, path: Path) -> None:
    """Rename ``temporary`` to ``path``, moving earlier output aside if it is a folder."""
    if path.is_dir() and not path.is_symlink() and not temporary.is_dir():
        raise InputError(f"{path}: is a folder, and a file is to be written; give another name")
    if not path.is_dir() and not (temporary.is_dir() and path.exists()):
        os.replace(temporary, path)
        return
    earlier = _sibling(path, ASIDE)
    os.rename(path, earlier)
    try:
        os.rename(temporary, path)
    except OSError:
        os.rename(earlier, path)
        raise
    _remove(earlier)


def check_own_folder(path: str | Path, own: str) -> None:
    """Refuse a folder that holds anything else than earlier output, which would be lost with it.

    Parameters
    ----------
    path : path
        Where a folder is to be written.
    own : str
        Regular expression of the names in an earlier one; hidden files always count as its own.

    Raises
    ------
    InputError
        Naming the first file that is not.
    """
    path = Path(path)
    held = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    other = next((n for n in held if not n.startswith(".") and not re.fullmatch(own, n)), None)
    if other is not None:
        raise InputError(
            f"{path}: is a folder that holds {other}, which would be lost; give a new folder"
        )


def _clear_leftovers(path: Path) -> None:
    """Remove what killed processes left for ``path``; put back what they had moved aside.

    A process of another machine cannot be asked whether it lives. It is taken for dead, because
    the workflow never runs two jobs for the same output.
    """
    for kind in (ASIDE, PARTIAL):
        for left in path.parent.iterdir():
            process = left.name.removeprefix(f".{kind}-").removesuffix(f"-{path.name}")
            if left.name != f".{kind}-{process}-{path.name}" or not process.isdecimal():
                continue
            if _is_running(int(process)):
                continue
            if kind == ASIDE and not path.exists():
                os.rename(left, path)
            else:
                _remove(left)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs as another user
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_json(path: str | Path, value: object) -> None:
    """Write a value as indented JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: str | Path, remedy: str = "") -> dict:
    """Read a JSON file; ``remedy`` ends the message about a file that holds no object.

    Raises
    ------
    InputError
        If the file is missing or not JSON; the message names it.
    """
    try:
        if not Path(path).exists():
            raise InputError(f"{path}: no such file")
        values = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # of json, of UTF-8, of numbers
        raise InputError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(values, dict):
        words = f"{path}: must hold a JSON object with named values, {{…}}"
        raise InputError(f"{words}; {remedy}" if remedy else words)
    return values
