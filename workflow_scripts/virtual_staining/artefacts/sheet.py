"""The sample sheet: one row per sample (one µCT volume and at most one stained section).

The columns, their meaning and their values stand in :mod:`virtual_staining.settings.sheet`; this
module reads the table and holds the rules between rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.paths import one_spelling
from virtual_staining.errors import InputError
from virtual_staining.readers.table import read_table
from virtual_staining.settings.base import problems
from virtual_staining.settings.sheet import (
    DRAWN_COLUMNS,
    PATH_COLUMNS,
    SheetRow,
    insists,
    parse_size,
)

SIZES = {"voxel_size_um": 3, "slide_pixel_um": 1}  # columns of sizes and their numbers of axes
# Columns whose values name folders and files, which some file systems find in any case.
NAME_COLUMNS = ("sample", "volume_id", "stain", "block")


def read_sheet(path: str | Path) -> pd.DataFrame:
    """Read and check a sample sheet.

    Parameters
    ----------
    path : path
        A table as :func:`~virtual_staining.readers.table.read_table` takes it; relative paths in
        it are relative to its folder.

    Returns
    -------
    DataFrame
        Indexed by sample id, every column of :class:`SheetRow` as text, empty where not given;
        paths resolved; ``volume_id`` and ``group`` filled in as by :func:`complete_sheet`.

    Raises
    ------
    InputError
        If the file cannot be read, a column is unknown or missing, or a value is wrong;
        the message names the file, row, column and what it should be.
    """
    return complete_sheet(read_table(path), Path(path).parent, str(path))


def complete_sheet(table: pd.DataFrame, folder: str | Path, name: str) -> pd.DataFrame:
    """Check a sheet's table and fill in what may be left out.

    ``volume_id`` defaults to the id of the sample that uses the same volume and comes first in
    alphabetical order, whatever the order of the rows; ``group`` to the ``volume_id`` (samples of
    one volume are never split between training and validation).

    Parameters
    ----------
    table : DataFrame
        As read, all text. An index called ``line`` holds the rows' lines in the file; otherwise
        the header is line 1.
    folder : path
        Folder that relative paths refer to.
    name : str
        What to call the sheet in error messages.

    Raises
    ------
    InputError
        As in :func:`read_sheet`.
    """
    lines = table.index if table.index.name == "line" else range(2, len(table) + 2)
    table = table.fillna("").reset_index(drop=True)
    columns = list(SheetRow.model_fields)
    absent = [column for column in ("sample", "volume") if column not in table.columns]
    if "ct_image" in table.columns:
        absent = [column for column in absent if column != "volume"]
    if absent:
        raise InputError(f"{name}: missing column(s) {', '.join(absent)}; found {list(table)}")
    if table.empty:
        raise InputError(f"{name}: the sheet has a header and no row; add a row for each sample")
    # programs write whole numbers as 2.0 where other rows of the column are empty
    if "block_order" in table:
        table["block_order"] = table["block_order"].str.replace(r"\.0+$", "", regex=True)
    for number, row in zip(lines, table.to_dict("records"), strict=True):
        for problem in problems(SheetRow, {k: v for k, v in row.items() if v != ""}):
            raise InputError(f"{name}: line {number} (sample {row['sample']!r}): {problem}")
    table = table.reindex(columns=columns, fill_value="")
    for column, axes in SIZES.items():
        table[column] = [_canonical_size(text, axes) for text in table[column]]
    _check_samples(table["sample"], lines, name)
    for column in PATH_COLUMNS:
        table[column] = [_in_folder(value, folder, column) for value in table[column]]
    first = table.groupby("volume")["sample"].transform("min")
    first = first.where(table["volume"] != "", table["sample"])
    table["volume_id"] = table["volume_id"].where(table["volume_id"] != "", first)
    table["group"] = table["group"].where(table["group"] != "", table["volume_id"])
    for column in NAME_COLUMNS:
        _check_case(table[column], name)
    _check_consistency(table, name)
    return table.set_index("sample", drop=False)


def files_of(value: str, column: str) -> list[str]:
    """Return the files that a cell names: landmarks may be two, ``slide points::volume points``."""
    if not value:
        return []
    if column in DRAWN_COLUMNS:
        return [value.removesuffix("!")]
    return value.split("::") if column == "initial_pose" else value.split("::")[:1]


def _in_folder(value: str, folder: str | Path, column: str) -> str:
    """Return a cell with its paths relative to the sheet's folder made whole."""
    files = files_of(value, column)
    mark = "!" if column in DRAWN_COLUMNS and insists(value) else ""
    behind = value.split("::")[len(files) :]
    return "::".join([*(one_spelling(Path(folder) / file) for file in files), *behind]) + mark


def _canonical_size(text: str, axes: int) -> str:
    """Write a size in one way: 5.0 is 5, and 5,5,5 is 5; a mark that insists stays."""
    sizes = parse_size(text, axes, "size") or ()
    numbers = (f"{size:.10g}" for size in (sizes[:1] if len(set(sizes)) == 1 else sizes))
    return ",".join(numbers) + "!" * insists(text)


def _check_samples(samples: pd.Series, lines: Sequence[int], name: str) -> None:
    """Refuse an id that stands twice."""
    seen: dict[str, int] = {}
    for line, sample in zip(lines, samples, strict=True):
        if sample in seen:
            raise InputError(
                f"{name}: sample id {sample!r} stands twice, in lines {seen[sample]} and {line}; "
                "ids must be unique"
            )
        seen[sample] = line


def _check_case(names: pd.Series, sheet: str) -> None:
    """Refuse names that differ in case alone, which some disks keep in one folder."""
    seen: dict[str, str] = {}
    for name in names.unique():
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise InputError(
                f"{sheet}: {names.name}: {name!r} and {other!r} differ in upper and lower case "
                "alone, which some disks do not tell apart; rename one of them"
            )


def _check_consistency(table: pd.DataFrame, name: str) -> None:
    """Refuse rows that contradict each other: volume ids, stains, blocks, groups across roles."""
    for column in ("volume", "voxel_size_um", "ct_levels"):
        for volume_id, rows in _disagreeing(table, "volume_id", column):
            raise InputError(
                f"{name}: volume_id {volume_id!r} has different {column} values: "
                f"{', '.join(map(repr, rows[column].unique()))}"
            )
    sections = table[table["slide"] != ""]
    for column in ("stain", "role"):
        bare = sections["sample"][sections[column] == ""]
        if len(bare):
            raise InputError(f"{name}: sample {bare.iloc[0]!r} has a slide but no {column}")
    ordered = table[table["block_order"] != ""]
    if (ordered["block"] == "").any():
        bare = ordered["sample"][ordered["block"] == ""].iloc[0]
        raise InputError(f"{name}: sample {bare!r} has a block_order but no block")
    for block, rows in ordered.groupby("block"):
        twice = rows["block_order"][rows["block_order"].duplicated()]
        if len(twice):
            raise InputError(
                f"{name}: block {block!r} has two sections with block_order {twice.iloc[0]}; give "
                "each section its own place, or none"
            )
    for block, rows in table[table["block"] != ""].groupby("block"):
        bare = rows["sample"][rows["slide"] == ""]
        if len(bare):
            raise InputError(f"{name}: sample {bare.iloc[0]!r} has a block but no slide")
        if rows["volume_id"].nunique() > 1:  # stains may differ: neighbours often are
            raise InputError(
                f"{name}: block {block!r} has sections of the volumes "
                f"{', '.join(rows['volume_id'].unique())}; sections of one block lie in one volume"
            )
        if rows["view_axis"].nunique() > 1:
            raise InputError(
                f"{name}: block {block!r} has different view_axis values: "
                f"{', '.join(map(repr, rows['view_axis'].unique()))}; give all of them the one "
                "that most have: a section that lies turned over is found so"
            )
    for group, rows in _disagreeing(sections, "group", "role"):
        raise InputError(
            f"{name}: group {group!r} has samples in both roles crossval and test "
            f"({', '.join(rows['sample'])}); a group must stay on one side"
        )


def _disagreeing(table: pd.DataFrame, by: str, column: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the groups of rows that hold more than one value of a column."""
    # Counted for all groups at once: one by one they take a second for a thousand samples.
    counts = table.groupby(by)[column].nunique()
    for value in counts.index[counts > 1]:
        yield value, table[table[by] == value]


def missing_files(sheet: pd.DataFrame, columns: Iterable[str] = PATH_COLUMNS) -> list[str]:
    """List the files of some columns that do not exist, as ``sample: column: path`` lines."""
    lines = []
    for sample, row in sheet.iterrows():
        for column in columns:
            for path in files_of(row[column], column):
                if not Path(path).exists():
                    lines.append(f"{sample}: {column}: {path}")
    return lines
