"""Sample sheets as editors and spreadsheets save them."""

import datetime
import io
import re

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virtual_staining.artefacts.sheet import missing_files, read_sheet
from virtual_staining.errors import InputError
from virtual_staining.readers.table import read_table

COLUMNS = ["sample", "volume", "slide"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
# no blanks around a cell, no # in front of a line
CELL = st.text(
    alphabet=st.sampled_from("abz019_-.#$&'\"(){}[]; ,µé/€~*?!"), min_size=0, max_size=8
).map(str.strip)
ROW = st.lists(CELL, min_size=3, max_size=3).map(lambda row: [f"s{row[0]}", *row[1:]])


def written(cell):
    """Write a cell as spreadsheets save text: what begins with a quotation mark is quoted."""
    return '"' + cell.replace('"', '""') + '"' if cell.startswith('"') else cell


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("sheets") / "samples.tsv"


@settings(max_examples=80, deadline=None)
@given(st.lists(ROW, max_size=4), st.sampled_from(ENCODINGS), st.sampled_from(["\n", "\r\n", "\r"]),
       st.integers(0, 3), st.data())  # fmt: skip
def test_text_comes_back_with_its_line_numbers(path, rows, encoding, end, tabs, data):
    """Any encoding, ends of lines, comments, empty rows and empty cells behind the last column."""
    lines, places = ["\t".join(COLUMNS)], []
    for row in rows:
        extra = st.sampled_from(["", "\t\t\t", '# "note', " ", "#s9\ta.tif"])
        lines += data.draw(st.lists(extra, max_size=2))
        places.append(len(lines) + 1)
        lines.append("\t".join(map(written, row)) + "\t" * tabs)
    path.write_bytes(end.join([*lines, ""]).encode(encoding))
    table = read_table(path)
    assert table.columns.tolist() == COLUMNS
    assert table.to_numpy().tolist() == rows and table.index.tolist() == places


@settings(max_examples=25, deadline=None)
@given(st.lists(ROW, max_size=4), st.integers(0, 2))
def test_a_workbook_comes_back(path, rows, gap):
    book = openpyxl.Workbook()
    for n, row in enumerate([COLUMNS, *rows]):
        for column, cell in enumerate(row, start=1):
            place = book.active.cell(1 + n * (gap + 1), column)
            place.value, place.data_type = cell or None, "s"  # = at the front is no formula
    book.save(path)
    table = read_table(path)
    assert table.to_numpy().tolist() == rows
    assert table.index.tolist() == [2 + gap + n * (gap + 1) for n in range(len(rows))]


def test_columns_without_a_name_and_a_cell_are_none(path):
    path.write_text("sample\tvolume\t\t\tslide\t\na\ta.tif\t\t\ta.png\t\n")
    assert read_table(path).to_dict("records") == [
        dict(zip(COLUMNS, ["a", "a.tif", "a.png"], strict=True))
    ]


def refusal(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        read_sheet(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)
    return str(error.value)


HEADER = "sample\tvolume\tslide\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{HEADER}a\ta.tif\t\ta.png\n", ["line 2", "4 cells", "3 columns", "tab"]),
        (f'{HEADER}\n# x\na\t"a.tif\ta.png\n', ["line 4", "quotation mark"]),
        (f'{HEADER}a\t"a".tif\ta.png\n', ["line 2", "quotation mark"]),
        ("volume\tsample\n#1.tif\ta\n", ["line 2", "comment", "./#1.tif"]),
        ("sample,volume\na,a.tif\n", ["','", "tabs", "UTF-8"]),
        ("sample;volume\na;a.tif\n", ["';'", "tabs"]),
        ("sample  volume\na  a.tif\n", ["'  '", "tabs"]),
        ("sample|volume\na|a.tif\n", ["'|'", "tabs"]),
        ("sample volume slide\na a.tif a.png\n", ["' '", "tabs"]),
        (f"My samples\n{HEADER}a\ta.tif\n", ["line 2", "3 cells", "the header (My samples)"]),
        ("\t".join(f"c{n}" for n in range(90000)), ["line 1", "too many", "right file"]),
        ("a" * 200_000, ["line 1", "200000 characters", "right file"]),
        ("sample\tvolume\tsample\n", ["'sample'", "twice"]),
        ("sample\tvolume\t\t\tslide\na\ta.tif\tx\t\n", ["line 2", "'x' in column 3", "name"]),
        ("", ["empty"]),
        ("# nothing\n\t\t\n", ["empty"]),
        (HEADER, ["no row"]),
        (b"\xd0\xcf\x11\xe0" + bytes(99), [".xls", ".xlsx"]),
        (b"PK\x03\x04" + bytes(99), [".xlsx", "UTF-8"]),
        (b"%PDF-1.7", ["PDF"]),
        (HEADER.encode() + b"a\t\x81\x01.tif\n", ["decoded", "UTF-8"]),
        (HEADER.encode("utf-16")[:-1], ["decoded", "UTF-8"]),
        (HEADER.encode() + bytes(9), ["binary", "UTF-8"]),
        (f"{HEADER}a\ta.tif\n\nb\tb.tif\n\n\na\tc.tif\n", ["'a'", "lines 2 and 7"]),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path, content, words):
    said = refusal(tmp_path / "samples.tsv", content)
    for word in words:
        assert word in said


def workbook(*rows, title="samples", more=()):
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for name, others in more:
        sheet = book.create_sheet(name)
        for row in others:
            sheet.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def changed(change):
    """A workbook of two samples after a change of its worksheet."""
    book = openpyxl.load_workbook(io.BytesIO(workbook(COLUMNS, ["a", "a.tif"], ["b", "b.tif"])))
    change(book.active)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def merged(cells):
    return changed(lambda sheet: sheet.merge_cells(cells))


def far_cell():
    """Of which a program that goes through all cells would see 10^10."""
    return changed(lambda sheet: sheet.cell(1048576, 16384, "x"))


def test_hidden_rows_count_with_a_word(tmp_path, caplog):
    path = tmp_path / "samples.xlsx"
    path.write_bytes(changed(lambda sheet: setattr(sheet.row_dimensions[3], "hidden", True)))
    assert read_table(path)["sample"].tolist() == ["a", "b"]
    assert "the hidden rows of samples count like the others: 3" in caplog.text


def test_marks_and_blanks_around_a_cell_are_no_text(path):
    path.write_bytes("\ufeff\ufeffsample\u200b\tvolume\xa0\na\u3000\ta.tif\n".encode())
    assert read_table(path).to_dict("records") == [{"sample": "a", "volume": "a.tif"}]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (workbook(COLUMNS, ["a", datetime.date(2024, 3, 1)]), ["line 2", "B2", "date", "as text"]),
        (workbook(COLUMNS, ["a", "=A2"]), ["line 2", "B2", "formula", "save it again"]),
        (workbook(COLUMNS, ["a", "#N/A"]), ["line 2", "error", "#N/A"]),
        (workbook(COLUMNS, more=[("old", [COLUMNS])]), ["samples, old"]),
        (workbook(COLUMNS, ["a", "a.tif", None, "x"]), ["line 2", "4 cells"]),
        (workbook()[:-200], [".xlsx"]),
        (merged("A2:A3"), ["A2:A3 of samples", "merged", "into each"]),
        (merged("A1:C1"), ["A1:C1 of samples", "merged"]),
        (far_cell(), ["10000 rows of samples", "empty", "delete"]),
    ],
)
def test_workbooks_whose_cells_are_no_text(tmp_path, data, words):
    said = refusal(tmp_path / "samples.xlsx", data)
    for word in words:
        assert word in said


def test_numbers_of_a_workbook_and_its_worksheet_with_samples(tmp_path):
    path = tmp_path / "samples.xlsx"
    book = openpyxl.load_workbook(
        io.BytesIO(workbook(["notes"], ["x"], title="about", more=[("data", [
            ["sample", "volume", "voxel_size_um", "block_order"], [7, "a.tif", 5.0, 2.0],
            [8, "b.tif", 0.1 + 0.2, None]])]))
    )  # fmt: skip
    book["data"]["A2"].number_format = "000"
    book.save(path)
    table = read_table(path)
    assert table.to_numpy().tolist() == [["007", "a.tif", "5", "2"], ["8", "b.tif", "0.3", ""]]


def test_windows_text_is_announced(tmp_path, caplog):
    (tmp_path / "scan 5µm.tif").touch()
    path = tmp_path / "samples.tsv"
    path.write_bytes(f"{HEADER}a\tscan 5µm.tif\n".encode("cp1252"))
    assert missing_files(read_sheet(path)) == []
    assert "Windows-1252, in which it holds the characters µ" in caplog.text


def test_whole_numbers_that_a_program_wrote_with_a_point(tmp_path):
    path = tmp_path / "samples.tsv"
    usual = {"volume": "v.tif", "stain": "he", "material": "Ti", "role": "test", "block": "b"}
    rows = [{"sample": s, "slide": f"{s}.png", **usual} for s in "ab"]
    pd.DataFrame([rows[0] | {"block_order": 2}, rows[1]]).to_csv(path, sep="\t", index=False)
    assert re.search(r"\b2\.0\n", path.read_text())
    assert list(read_sheet(path)["block_order"]) == ["2", ""]
