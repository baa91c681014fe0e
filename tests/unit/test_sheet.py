"""The sample sheet: what is filled in, and what is refused in which words."""

import pandas as pd
import pytest

from virtual_staining.artefacts.sheet import missing_files, read_sheet
from virtual_staining.errors import InputError

ROW = {
    "sample": "a",
    "volume": "a.tif",
    "slide": "a.png",
    "stain": "toluidine_blue",
    "material": "Mg",
    "role": "crossval",
    "voxel_size_um": "5",
}


def write(tmp_path, *rows):
    path = tmp_path / "samples.tsv"
    pd.DataFrame([{**ROW, **row} for row in rows]).fillna("").to_csv(path, sep="\t", index=False)
    return path


def test_fills_in_volume_and_group(tmp_path):
    sheet = read_sheet(write(tmp_path, {}, {"sample": "b"}, {"sample": "c", "volume": "c.tif"}))
    assert list(sheet["volume_id"]) == ["a", "a", "c"]
    assert list(sheet["group"]) == ["a", "a", "c"]
    assert sheet.loc["a", "volume"] == str(tmp_path / "a.tif")
    assert sheet.loc["a", "annotations"] == ""


def test_five_columns_are_enough(tmp_path):
    path = tmp_path / "samples.tsv"
    path.write_text("sample\tvolume\tslide\tstain\trole\nA\tct/A\tA.svs\the\tcrossval\n")
    sheet = read_sheet(path)
    assert sheet.loc["A", ["stain", "material", "role", "group"]].tolist() == [
        "he",
        "",
        "crossval",
        "A",
    ]


def test_path_inside_hdf5_is_kept(tmp_path):
    sheet = read_sheet(write(tmp_path, {"volume": "raw/a.h5::/entry/data"}))
    assert sheet.loc["a", "volume"] == str(tmp_path / "raw/a.h5") + "::/entry/data"
    assert missing_files(sheet) == [
        f"a: volume: {tmp_path / 'raw/a.h5'}",
        f"a: slide: {tmp_path / 'a.png'}",
    ]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"sample": "a b"}], ["line 2", "sample", "letters, digits"]),
        ([{"role": "train"}], ["role", "crossval", "test"]),
        ([{"voxel_size_um": "five"}], ["voxel_size_um", "µm"]),
        ([{"ct_levels": "100,2000"}], ["ct_levels", "empty beside a slide"]),
        ([{"slide": "", "ct_levels": "2000,100"}], ["ct_levels", "background,bone"]),
        ([{"slide": "", "ct_levels": "100"}], ["ct_levels", "background,bone"]),
        ([{"slide": "", "ct_levels": "1_0,200"}], ["ct_levels", "background,bone"]),
        (
            [{}, {"sample": "b", "slide": "", "ct_levels": "100,2000"}],
            ["volume_id 'a'", "different ct_levels"],
        ),
        ([{"voxel_um": "5"}], ["voxel_um", "unknown key", "voxel_size_um"]),
        ([{}, {}], ["'a'", "twice"]),
        ([{"stain": ""}], ["'a'", "no stain"]),
        ([{"role": ""}], ["'a'", "no role"]),
        ([{}, {"sample": "b", "role": "test"}], ["group 'a'", "both roles"]),
        (
            [{"volume_id": "v"}, {"sample": "b", "volume": "b.tif", "volume_id": "v"}],
            ["volume_id 'v'", "different volume"],
        ),
    ],
)
def test_refuses(tmp_path, rows, words):
    with pytest.raises(InputError) as error:
        read_sheet(write(tmp_path, *rows))
    for word in [*words, "samples.tsv"]:
        assert word in str(error.value)


def test_refuses_missing_column_and_file(tmp_path):
    path = tmp_path / "samples.tsv"
    path.write_text("sample\tvolum\na\ta.tif\n")
    with pytest.raises(InputError, match=r"missing column\(s\) volume"):
        read_sheet(path)
    with pytest.raises(InputError, match="no such sample sheet"):
        read_sheet(tmp_path / "none.tsv")


def test_a_size_that_insists_keeps_its_mark(tmp_path):
    rows = {"voxel_size_um": "5.0!"}, {"sample": "b", "voxel_size_um": "5,5,5 !"}
    sheet = read_sheet(write(tmp_path, *rows))
    assert list(sheet["voxel_size_um"]) == ["5!", "5!"]
    with pytest.raises(InputError, match=r"line 2 .*voxel_size_um.*! to insist"):
        read_sheet(write(tmp_path, {"voxel_size_um": "!"}))


def test_a_slide_in_a_file_of_several_images(tmp_path):
    sheet = read_sheet(write(tmp_path, {"slide": "raw/a.ome.tif::2"}))
    assert sheet.loc["a", "slide"] == str(tmp_path / "raw/a.ome.tif") + "::2"
    assert missing_files(sheet, ["slide"]) == [f"a: slide: {tmp_path / 'raw/a.ome.tif'}"]
