"""What `evaluate` leaves for later stages: patches.csv and table.csv, and their metrics."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.errors import InputError

KEYS = ("stain", "model", "fold", "sample", "material", "subset")
TEXT = dict.fromkeys(set(KEYS) - {"fold"}, str)


@dataclass(frozen=True)
class Metric:
    """A metric's column, its printed name, its better direction and its printed decimals."""

    column: str
    name: str
    unit: str
    higher_is_better: bool
    decimals: int

    @property
    def title(self) -> str:
        """Name, direction and unit, e.g. ``PSNR ↑ (dB)``."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.name} {'↑' if self.higher_is_better else '↓'}{unit}"


METRICS = (
    Metric("ssim", "SSIM", "", True, 2),
    Metric("lpips", "LPIPS", "", False, 2),
    Metric("psnr_db", "PSNR", "dB", True, 1),
)


COLUMNS = (*KEYS, "y_px", "x_px", "overlap", *(metric.column for metric in METRICS))


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
