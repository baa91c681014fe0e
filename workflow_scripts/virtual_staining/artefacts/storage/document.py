"""JSON files that state their format, so that a reader can refuse one that it does not know."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from virtual_staining import __version__
from virtual_staining.artefacts.storage.atomic import read_json, write_json
from virtual_staining.errors import InputError


@dataclass(frozen=True)
class Document:
    """The content of a JSON file, with what an error message about it must say.

    Parameters
    ----------
    path : path
        The file.
    values : dict
        Its JSON object.
    remedy : str
        What the user can do to get a readable file.
    """

    path: str | Path
    values: dict
    remedy: str

    def value(self, key: str, kind: type | tuple[type, ...], words: str) -> Any:
        """Return the value of a key.

        Parameters
        ----------
        key : str
        kind : type or tuple of types
            What the value must be; ``bool`` alone accepts true and false.
        words : str
            The kind in words, for the message.

        Raises
        ------
        InputError
            If the key is missing or its value is of another kind.
        """
        if key not in self.values:
            raise InputError(f"{self.path}: {key}: is missing; {self.remedy}")
        value = self.values[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise InputError(f"{self.path}: {key}: {value!r} must be {words}; {self.remedy}")
        return value


def write_document(path: str | Path, file_format: int, values: Mapping[str, object]) -> None:
    """Write a JSON object with its ``format``, atomically.

    Parameters
    ----------
    path : path
        File to write.
    file_format : int
        Number of the file's layout, from 1; it grows when readers must change.
    values : mapping
        The content, JSON values by key. Where it has a ``version``, of the program that wrote the
        file, an error message names it. A file whose content decides whether long jobs run again
        must not hold it.
    """
    write_json(path, {"format": file_format, **values})


def read_document(path: str | Path, newest: int, remedy: str) -> Document:
    """Read a JSON object and check that its format is known.

    Parameters
    ----------
    path : path
        A file of :func:`write_document`. A file without ``format`` is of format 1: the program
        wrote none at first.
    newest : int
        The newest format that the caller reads.
    remedy : str
        What the user can do to get a readable file, for the message.

    Raises
    ------
    InputError
        If the file is missing or not a JSON object, or its format is unknown.
    """
    values = read_json(path, remedy)
    found = values.get("format", 1)
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= newest:
        raise InputError(
            f"{path}: format: {found!r} is unknown to version {__version__} of the program, which "
            f"reads formats up to {newest}; use the version that wrote the file "
            f"({values.get('version', 'not stated')}) or a later one, or {remedy}"
        )
    return Document(path, values, remedy)
