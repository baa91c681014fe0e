"""The tables of patches and medians as CSV files."""

from pathlib import Path

import pandas as pd

from virtual_staining.errors import InputError
from virtual_staining.evaluate.names import METRICS
from virtual_staining.files import replacing

KEYS = ("stain", "model", "fold", "sample", "material", "subset")
COLUMNS = (*KEYS, "y_px", "x_px", "overlap", *(metric.column for metric in METRICS))
TEXT = dict.fromkeys(set(KEYS) - {"fold"}, str)


def read_csv(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a CSV that must have some columns; ids stay text.

    Raises
    ------
    InputError
        If the file is missing, empty or lacks a column; the message names it.
    """
    try:
        table = pd.read_csv(path, dtype=TEXT)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from error
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(f"{path}: missing column(s) {', '.join(missing)}")
    if table.empty:
        raise InputError(f"{path}: has no rows")
    return table


def read_patches(path: Path) -> pd.DataFrame:
    """Read one row per patch, as ``evaluate patches`` and ``evaluate table`` write them.

    Raises
    ------
    InputError
        As in :func:`read_csv`.
    """
    return read_csv(path, COLUMNS)


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, atomically; absent values stay empty."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)
