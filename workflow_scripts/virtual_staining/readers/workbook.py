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
from virtual_staining.readers.worksheet_marks import check_marks

REMEDY = "save the sheet as tab-separated text in UTF-8"
MOST_BYTES = 20_000_000  # of a workbook's cells, unpacked
CELLS = ("xl/worksheets/", "xl/sharedStrings.xml")  # where these stand; pictures are not read
MOST_EMPTY = 10_000  # empty rows, one after the other
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
        If the workbook cannot be read, several worksheets may be meant, cells are merged, or a cell
        holds a date, an error or a formula without a result.
    """
    sheets = {name: found for name, found in _worksheets(path, data).items() if found[1]}
    chosen = [name for name, found in sheets.items() if _names_samples(found[1])] or [*sheets]
    if len(chosen) > 1:
        raise InputError(
            f"{path}: its worksheets {', '.join(chosen)} may each be the sample sheet; {REMEDY}"
        )
    for name in chosen:
        part, rows = sheets[name]
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_marks(path, name, archive, part)
        for line, cells in rows:
            yield line, [_text(cell, f"{path}: line {line} of {name}") for cell in cells]


Rows = list[tuple[int, list[Any]]]


def _worksheets(path: str | Path, data: bytes) -> dict[str, tuple[str, Rows]]:
    """Return each worksheet's XML and the numbers and cells of its rows that hold something."""
    import openpyxl  # loads for half a second, which plans of text sheets save

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            held = [part for part in archive.infolist() if part.filename.startswith(CELLS)]
            if sum(part.file_size for part in held) > MOST_BYTES:
                raise ValueError("it is larger than a sample sheet can be")
        with warnings.catch_warnings():  # of charts and styles that openpyxl does not know
            warnings.simplefilter("ignore")
            results, formulae = (
                openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=only)
                for only in (True, False)
            )
            return {
                sheet.title: (
                    sheet._worksheet_path,
                    _filled(sheet, formulae[sheet.title], str(path)),
                )
                for sheet in results.worksheets
            }
    except InputError:
        raise
    except Exception as error:  # openpyxl raises whatever a damaged part leads to
        raise InputError(f"{path}: the workbook cannot be read ({error}); {REMEDY}") from error


def _filled(results: Any, formulae: Any, path: str) -> Rows:
    """Return the rows of a worksheet that hold something, up to their last cell with a value."""
    rows: Rows = []
    for sheet in (results, formulae):
        sheet.reset_dimensions()  # otherwise each row is filled up to the last column of all
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
        elif line - (rows[-1][0] if rows else 0) > MOST_EMPTY:
            raise InputError(
                f"{path}: more than {MOST_EMPTY} rows of {results.title} up to line {line} are "
                f"empty; delete them, or {REMEDY}"
            )
    return rows


def _names_samples(rows: Rows) -> bool:
    return {str(cell.value).strip() for cell in rows[0][1]} >= COLUMNS


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
