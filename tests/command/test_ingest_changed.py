"""Raw files that somebody writes while ingest reads them are refused, and nothing is written."""

import json
import os

import numpy as np
import pytest
from raw_slides import write_tiff as write_slide
from raw_volumes import write_folder, write_itk, write_zarr

from virtual_staining.cli import main
from virtual_staining.ingest import command
from virtual_staining.readers.unchanged import files_state

SHAPE = (12, 16, 16)


def grow(path):
    with open(path, "ab") as file:
        file.write(b"more")


def rewrite(path):
    """Put other values of the same number in place, as a program that saves again does."""
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(1, 1))


def add_slice(folder):
    (folder / "slice_0099.tif").write_bytes(b"half a slice")


def chunk_of(folder):
    return next(path for path in folder.rglob("*") if path.is_file() and path.parent != folder)


CHANGES = {
    "a slice rewritten": ("ct", write_folder, lambda raw: rewrite(sorted(raw.iterdir())[2])),
    "a slice more": ("ct", write_folder, add_slice),
    "values beside their header": ("ct.mhd", write_itk, lambda raw: grow(raw.with_suffix(".raw"))),
    "zarr": ("ct.zarr", write_zarr, lambda raw: rewrite(chunk_of(raw))),
}


def ingest(kind, raw, out):
    settings = json.dumps({"voxel_size_um": 5, "slide_pixel_um": 5})
    size = "--voxel-size-um" if kind == "volume" else "--pixel-size-um"
    return main(
        [
            "ingest",
            kind,
            f"--{kind}",
            str(raw),
            size,
            "5",
            "--settings",
            settings,
            "--out",
            str(out),
        ]
    )


def changed_while_read(monkeypatch, kind, change):
    """Change the files when the command has opened them and has read nothing yet."""
    opener = getattr(command, f"open_{kind}")

    def opened(text):
        image = opener(text)
        change()
        return image

    monkeypatch.setattr(command, f"open_{kind}", opened)


@pytest.mark.parametrize("case", CHANGES)
def test_a_volume_that_changes_while_it_is_read(tmp_path, monkeypatch, capsys, case):
    name, write, change = CHANGES[case]
    raw = tmp_path / "raw" / name
    raw.parent.mkdir()
    values = np.random.default_rng(0).integers(1, 60000, SHAPE).astype(np.uint16)
    write(raw, values)
    out = tmp_path / "ct.ome.zarr"
    assert ingest("volume", raw, out) == 0
    before = files_state(out)
    changed_while_read(monkeypatch, "volume", lambda: change(raw))
    assert ingest("volume", raw, out) == 1
    said = capsys.readouterr().err
    assert f"changed while {raw} was read; start again when nobody copies" in said
    assert files_state(out) == before  # the earlier output is still there
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct.ome.zarr", "raw"]


def test_a_slide_that_grows_while_it_is_read(tmp_path, monkeypatch, capsys):
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    raw = write_slide(tmp_path / "slide.tif", image)
    changed_while_read(monkeypatch, "slide", lambda: grow(raw))
    assert ingest("slide", raw, tmp_path / "slide.ome.tif") == 1
    assert f"{raw}: changed while {raw} was read" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["slide.tif"]
