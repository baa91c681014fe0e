"""What `evaluate` leaves for later stages: tables of metrics, and what their columns mean.

A table is a CSV file. A JSON file of the same name beside it describes its metrics: the printed
name, unit and direction of each. The later stages so know no metric by name.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.document import read_document, write_document
from virtual_staining.errors import InputError

FORMAT = 1
REMEDY = "evaluate again"
KEYS = ("stain", "model", "fold", "sample", "material", "subset")
PLACE = ("region", "y_px", "x_px", "overlap")
PAPER_REGION = "mask"
HEADLINE_REGIONS = (PAPER_REGION, "tissue")
REGIONS = {
    PAPER_REGION: "whole mask",
    "tissue": "tissue only",
    "bone": "bone",
    "soft": "soft tissue",
    "ring": "ring around the implant",
}
"""What is compared: all of the mask (paper 2.10), stained tissue without implant and glass, and
parts of this tissue. Models are judged by the first two, ``HEADLINE_REGIONS``."""
TEXT = dict.fromkeys(set(KEYS) - {"fold"}, str)


@dataclass(frozen=True)
class MetricColumn:
    """What a table's reader must know of a metric.

    Parameters
    ----------
    column : str
        Name of its column; the unit stands at the end, as in ``psnr_db``.
    name : str
        Printed name.
    unit : str
        Printed unit; empty for none.
    higher_is_better : bool
    decimals : int
        Printed decimals.
    order : int
        Position in tables and figures, smallest first.
    best : float, optional
        The right value, where neither the highest nor the lowest is best.
    paper : bool
        Whether the paper's Table 1 has the metric.
    """

    column: str
    name: str
    unit: str
    higher_is_better: bool
    decimals: int
    order: int
    best: float | None = None
    paper: bool = False

    @property
    def title(self) -> str:
        """Name, direction and unit, e.g. ``PSNR ↑ (dB)``."""
        unit = f" ({self.unit})" if self.unit else ""
        arrow = "↑" if self.higher_is_better else "↓"
        return f"{self.name} {arrow if self.best is None else f'→ {self.best:g}'}{unit}"

    def goodness(self, values: pd.Series) -> pd.Series:
        """Return numbers in the metric's unit that are higher where the values are better."""
        if self.best is not None:
            return -(values - self.best).abs()
        return values if self.higher_is_better else -values


def in_metric_order(columns: Iterable[MetricColumn]) -> list[MetricColumn]:
    """Return metrics in the order of tables and figures, each column once."""
    known = {column.column: column for column in columns}
    return sorted(known.values(), key=lambda column: (column.order, column.column))


def write_metric_table(path: Path, table: pd.DataFrame, metrics: Iterable[MetricColumn]) -> None:
    """Write a table as CSV and what its metrics mean as JSON beside it, each atomically.

    Parameters
    ----------
    path : Path
        Ends in ``.csv``.
    table : DataFrame
        Absent values stay empty.
    metrics : iterable of MetricColumn
    """
    described = [asdict(metric) for metric in in_metric_order(metrics)]
    write_document(path.with_suffix(".json"), FORMAT, {"metrics": described})
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)


def read_metric_table(
    path: Path, columns: Iterable[str]
) -> tuple[pd.DataFrame, list[MetricColumn]]:
    """Read a table of :func:`write_metric_table`; ids stay text.

    Parameters
    ----------
    path : Path
        The CSV file.
    columns : iterable of str
        Columns that the table must have.

    Returns
    -------
    table : DataFrame
    metrics : list of MetricColumn
        In the order of tables and figures.

    Raises
    ------
    InputError
        If one of the two files is missing or damaged, or the table lacks a column or has no rows;
        the message names the file.
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
    return table, _read_metrics(path.with_suffix(".json"))


def read_rows(path: Path) -> pd.DataFrame:
    """Read a table without a description of its columns; ids stay text.

    Raises
    ------
    InputError
        If the file is missing, damaged or has no rows.
    """
    try:
        table = pd.read_csv(path, dtype=TEXT)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from error
    if table.empty:
        raise InputError(f"{path}: has no rows")
    return table


def _read_metrics(path: Path) -> list[MetricColumn]:
    described = read_document(path, FORMAT, REMEDY).value("metrics", list, "a list of metrics")
    try:
        return in_metric_order(MetricColumn(**values) for values in described)
    except TypeError as error:
        raise InputError(f"{path}: metrics: {error}; {REMEDY}") from error


def read_patches(path: Path, stain: str) -> tuple[pd.DataFrame, list[MetricColumn]]:
    """Read one row per patch and region, as ``evaluate`` writes them for a fold and for a stain.

    Returns
    -------
    patches : DataFrame
        ``KEYS``, ``PLACE`` and a column for each metric, NaN where it was not measured.
    metrics : list of MetricColumn

    Raises
    ------
    InputError
        As in :func:`read_metric_table`, and if a metric has no column or a row is of another stain.
    """
    return _read_rows(path, stain, (*KEYS, *PLACE))


def read_slides(path: Path, stain: str) -> tuple[pd.DataFrame, list[MetricColumn]]:
    """Read one row per slide, as ``evaluate`` writes them for a fold and for a stain.

    Returns
    -------
    slides : DataFrame
        ``KEYS`` and a column for each fault, NaN where it is not defined.
    faults : list of MetricColumn

    Raises
    ------
    InputError
        As in :func:`read_patches`.
    """
    return _read_rows(path, stain, KEYS)


def _read_rows(
    path: Path, stain: str, columns: Iterable[str]
) -> tuple[pd.DataFrame, list[MetricColumn]]:
    rows, metrics = read_metric_table(path, columns)
    others = sorted(set(rows["stain"]) - {stain})
    if others:
        raise InputError(f"{path}: stain: {others[0]!r} is not {stain!r}; {REMEDY}")
    missing = [metric.column for metric in metrics if metric.column not in rows]
    if missing:
        raise InputError(f"{path}: missing column(s) {', '.join(missing)}; {REMEDY}")
    return rows, metrics
