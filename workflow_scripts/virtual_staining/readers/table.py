"""Tables as editors and spreadsheets save them: tab-separated text of any encoding, or a workbook.

Every row of a table keeps the number of its line in the file. A row that cannot be meant as it
stands is refused; no cell is cut off, shifted or left out without a word.
"""

import codecs
import csv
import logging
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from virtual_staining.errors import InputError
from virtual_staining.readers.files import read_bytes
from virtual_staining.readers.workbook import is_workbook, workbook_rows

log = logging.getLogger(__name__)

MARKS = {  # UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
OTHER_FILES = {
    b"PK\x03\x04": "a spreadsheet of another kind than .xlsx, or another archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook that is old (.xls) or has a password",
    b"%PDF": "a PDF",
    b"{\\rtf": "a formatted text (RTF)",
}
REMEDY = "save the sheet as tab-separated text in UTF-8, or as .xlsx"
# Around a cell; further byte order marks and blanks of no width are what programs leave there.
BLANKS = "".join(filter(str.isspace, map(chr, range(0x3001)))) + "\u200b\ufeff"
COMMENT = "#"  # first character of a line that is no row
LONGEST_LINE = 100_000
Cells = tuple[int, list[str]]  # line in the file, counted from 1, and what stands in it


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table with a header.

    Parameters
    ----------
    path : path
        Tab-separated text in UTF-8, UTF-16, UTF-32 or Windows-1252, or an .xlsx workbook. Empty
        rows and lines that begin with ``#`` are left out, empty cells behind the last column too.

    Returns
    -------
    DataFrame
        All text, without blanks around it; cells that a row ends before are empty. The index,
        called ``line``, holds each row's line in the file, counted from 1.

    Raises
    ------
    InputError
        If the file is missing, no table, or a row has more cells than the header; the message
        names the file and the line.
    """
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder; set `samples` to the sheet, a file in it")
    if not os.path.lexists(path):
        raise InputError(f"{path}: no such sample sheet; set `samples` in the config")
    data = read_bytes(path)
    found = workbook_rows(path, data) if is_workbook(data) else _text_rows(path, data)
    rows = [(line, [cell.strip(BLANKS) for cell in cells]) for line, cells in found]
    rows = [(line, cells) for line, cells in rows if any(cells)]
    at = next((n for n, (_, cells) in enumerate(rows) if not _is_comment(cells)), None)
    if at is None:
        raise InputError(f"{path}: the sheet is empty; write a header and a row for each sample")
    names = _column_names(path, rows[at][1])
    rows = [
        (line, _fitted(path, line, cells, names))
        for line, cells in rows[at + 1 :]
        if not (_is_comment(cells) and _left_out(path, line, cells, names))
    ]
    content = [cells for _, cells in rows]
    index = pd.Index([line for line, _ in rows], name="line", dtype=int)
    return pd.DataFrame(content, index=index, columns=names, dtype=str).drop(
        columns="", errors="ignore"
    )


def _text_rows(path: str | Path, data: bytes) -> Iterator[Cells]:
    """Yield the cells of each line of tab-separated text."""
    # csv's own division into lines would count a quotation mark that is not closed as one line.
    for line, text in enumerate(re.split("\r\n|\r|\n", _decoded(path, data)), start=1):
        if _is_comment([text]):  # may hold any marks
            yield line, text.split("\t")
            continue
        if len(text) > LONGEST_LINE:
            raise InputError(
                f"{path}: line {line}: has {len(text)} characters, too many for a row of a table; "
                f"is it the right file? {REMEDY}"
            )
        try:
            yield line, next(csv.reader([text], delimiter="\t", strict=True), [])
        except csv.Error as error:
            raise InputError(
                f"{path}: line {line}: a cell that begins with a quotation mark must end with one "
                f'in the same line, and marks inside are doubled ("a ""b"" c") ({error})'
            ) from error


def _decoded(path: str | Path, data: bytes) -> str:
    """Return the text of a file whose encoding its first bytes or its content tell."""
    for start, kind in OTHER_FILES.items():
        if data.startswith(start):
            raise InputError(f"{path}: not a tab-separated table but {kind}; {REMEDY}")
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), None)
    if encoding is None:  # in UTF-16 without a mark, most of every second byte are 0
        zeros = {"utf-16-le": data[1::2].count(0), "utf-16-be": data[::2].count(0)}
        encoding = next((name for name, n in zeros.items() if n > len(data) / 4), None)
    try:
        text = data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        text = "" if encoding else _windows_text(path, data)
        if not text:
            raise InputError(
                f"{path}: not a tab-separated table: its text cannot be decoded ({error}); {REMEDY}"
            ) from error
    if "\0" in text:
        raise InputError(f"{path}: not a tab-separated table: it holds binary data; {REMEDY}")
    return text


def _windows_text(path: str | Path, data: bytes) -> str:
    """Decode text of Windows, and say what was understood; empty where it is none."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    if re.search("[\x01-\x08\x0e-\x1f]", text):
        return ""
    special = "".join(sorted(set(re.findall("[^\x00-\x7f]", text))))
    log.warning(
        "%s: not UTF-8; read as Windows-1252, in which it holds the characters %s; save the sheet "
        "as UTF-8 if a name is wrong",
        path,
        special,
    )
    return text


def _is_comment(cells: list[str]) -> bool:
    return cells[0].lstrip().startswith(COMMENT)


def _left_out(path: str | Path, line: int, cells: list[str], names: list[str]) -> bool:
    """Return that a line with a comment is no row; refuse it if its first cell may be a path."""
    if names[0] != "sample" and len([cell for cell in cells if cell]) > 1:
        raise InputError(
            f"{path}: line {line}: begins with {COMMENT} and may be a comment or a row; make "
            f"sample the first column, or write ./{cells[0]}"
        )
    return True


def _column_names(path: str | Path, header: list[str]) -> list[str]:
    """Return the names of the columns, without empty cells behind the last one."""
    names = header[: max(n for n, name in enumerate(header, start=1) if name)]
    if len(names) == 1 and (other := re.search("[;,|]| {2}| (?=volume)", names[0])):
        raise InputError(
            f"{path}: the header separates its columns by {other[0]!r}, not by tabs; {REMEDY}"
        )
    twice = next((name for name, count in Counter(names).items() if name and count > 1), None)
    if twice is not None:
        raise InputError(f"{path}: the header names the column {twice!r} twice; remove one")
    return names


def _fitted(path: str | Path, line: int, cells: list[str], names: list[str]) -> list[str]:
    """Return as many cells as there are columns; refuse a row with more."""
    while len(cells) > len(names) and not cells[-1]:
        cells = cells[:-1]
    if len(cells) > len(names):
        raise InputError(
            f"{path}: line {line}: has {len(cells)} cells, more than the {len(names)} columns of "
            f"the header ({', '.join(names)[:60]}); remove a tab too many, or name the column"
        )
    for number, (name, cell) in enumerate(zip(names, cells, strict=False), start=1):
        if cell and not name:
            raise InputError(
                f"{path}: line {line}: holds {cell!r} in column {number}, which the header does "
                "not name; name the column or empty the cell"
            )
    return cells + [""] * (len(names) - len(cells))
