"""The cells of an .xlsx workbook as text, as they look in the spreadsheet."""

import datetime
import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from virtual_staining.errors import InputError

REMEDY = "save the sheet as tab-separated text in UTF-8"
MOST_BYTES = 200_000_000  # of a workbook's parts, unpacked
COLUMNS = {"sample", "volume"}  # by which one worksheet of several is known
TIMES = (datetime.date, datetime.time, datetime.timedelta)


def is_workbook(data: bytes) -> bool:
    """Say whether the content of a file is that of an .xlsx workbook."""
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def workbook_rows(path: str | Path, data: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a workbook's only worksheet, or of the one with columns of samples.

    Parameters
    ----------
    path : path
        For messages.
    data : bytes
        Content of the file.

    Yields
    ------
    (int, list of str)
        Number of the row in the worksheet, counted from 1, and the text of its cells.

    Raises
    ------
    InputError
        If the workbook cannot be read, several worksheets may be meant, or a cell holds a date, an
        error or a formula without a result.
    """
    sheets = {name: rows for name, rows in _worksheets(path, data).items() if rows}
    chosen = [name for name, rows in sheets.items() if _names_samples(rows[0][1])] or [*sheets]
    if len(chosen) > 1:
        raise InputError(
            f"{path}: its worksheets {', '.join(chosen)} may each be the sample sheet; {REMEDY}"
        )
    for name in chosen:
        for line, cells in sheets[name]:
            yield line, [_text(cell, f"{path}: line {line} of {name}") for cell in cells]


def _worksheets(path: str | Path, data: bytes) -> dict[str, list[tuple[int, list[Any]]]]:
    """Return the number and the cells of each row that holds something, by worksheet."""
    import openpyxl  # loads for half a second, which plans of text sheets save

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(part.file_size for part in archive.infolist()) > MOST_BYTES:
                raise ValueError("it is larger than a sample sheet can be")
        with warnings.catch_warnings():  # of charts and styles that openpyxl does not know
            warnings.simplefilter("ignore")
            results, formulae = (
                openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=only)
                for only in (True, False)
            )
            return {
                sheet.title: _filled(sheet, formulae[sheet.title], str(path))
                for sheet in results.worksheets
            }
    except InputError:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged part leads to
        raise InputError(f"{path}: the workbook cannot be read ({error}); {REMEDY}") from error


def _filled(results: Any, formulae: Any, path: str) -> list[tuple[int, list[Any]]]:
    """Return the rows of a worksheet that hold something, up to their last cell with a value."""
    rows = []
    both = zip(results.iter_rows(), formulae.iter_rows(), strict=True)
    for line, (cells, written) in enumerate(both, start=1):
        for cell, formula in zip(cells, written, strict=True):
            if formula.value is not None and cell.value is None:
                raise InputError(
                    f"{path}: line {line} of {results.title}: the formula in {cell.coordinate} has "
                    "no result; open the workbook and save it again, or write the value"
                )
        count = max((n for n, cell in enumerate(cells, 1) if cell.value is not None), default=0)
        if count:
            rows.append((line, list(cells[:count])))
    return rows


def _names_samples(cells: list[Any]) -> bool:
    return {str(cell.value).strip() for cell in cells} >= COLUMNS


def _text(cell: Any, where: str) -> str:
    """Return a cell's value as the spreadsheet shows it."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "e" or isinstance(value, TIMES):
        kind = "the error" if cell.data_type == "e" else "a date or time,"
        raise InputError(
            f"{where}: {cell.coordinate} holds {kind} {value}; format the cell as text and write "
            "the value again"
        )
    if isinstance(value, float):
        return f"{value:.12g}"  # 0.1 + 0.2 is shown as 0.3
    if isinstance(value, int) and re.fullmatch("0+", str(cell.number_format)):
        return f"{value:0{len(cell.number_format)}}"  # 7 shown as 007
    return str(value)
