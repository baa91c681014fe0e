"""Output appears whole or not at all, and neither a crash nor a kill loses earlier output."""

import errno
import os
import subprocess
import sys

import pytest

from virtual_staining.artefacts.storage import atomic
from virtual_staining.artefacts.storage.atomic import check_own_folder, replacing, write_json
from virtual_staining.errors import InputError

KILLED = """
import os, signal, sys
from virtual_staining.artefacts.storage import atomic

def put_in_place(temporary, path):
    if sys.argv[2] == "between":  # after the earlier output was moved aside
        os.rename(path, atomic._sibling(path, atomic.ASIDE))
    os.kill(os.getpid(), signal.SIGKILL)

atomic._put_in_place = put_in_place
with atomic.replacing(sys.argv[1]) as temporary:
    temporary.mkdir()
    (temporary / "value").write_text("half")
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of earlier output."""
    path = tmp_path / "ct.ome.zarr"
    path.mkdir()
    (path / "value").write_text("earlier")
    return path


def write_folder(path, text):
    with replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "value").write_text(text)


def kill_a_writer(path, when):
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), when], check=False)
    assert done.returncode < 0


def names(path):
    return sorted(entry.name for entry in path.parent.iterdir())


def test_a_folder_takes_the_place_of_another_and_of_a_file(folder):
    write_folder(folder, "new")
    assert (folder / "value").read_text() == "new"
    file = folder.with_name("file")
    file.write_text("earlier")
    with replacing(file) as temporary:
        temporary.write_text("new")
    assert file.read_text() == "new"
    write_folder(file, "a folder now")
    assert (file / "value").read_text() == "a folder now"
    assert names(folder) == ["ct.ome.zarr", "file"]


def test_no_file_takes_the_place_of_a_folder(folder):
    """A slip of the hand, such as `--page my-study`, deletes no study."""
    with pytest.raises(InputError, match=r"ct\.ome\.zarr: is a folder, and a file"):
        with replacing(folder) as temporary:
            temporary.write_text("a file")
    assert (folder / "value").read_text() == "earlier"
    assert names(folder) == ["ct.ome.zarr"]


def test_a_folder_of_others_is_not_replaced(folder):
    check_own_folder(folder.with_name("none"), "value")
    check_own_folder(folder, "value")
    (folder / ".snakemake_timestamp").touch()
    check_own_folder(folder, r"val\w+")
    with pytest.raises(InputError, match=r"ct\.ome\.zarr: is a folder that holds value, which"):
        check_own_folder(folder, "val")


def test_a_failed_block_leaves_the_earlier_output(folder):
    with pytest.raises(ZeroDivisionError), replacing(folder) as temporary:
        temporary.mkdir()
        1 / 0  # noqa: B018
    assert (folder / "value").read_text() == "earlier"
    assert names(folder) == ["ct.ome.zarr"]


def test_earlier_output_is_still_there_when_the_new_output_cannot_be_renamed(folder, monkeypatch):
    rename = os.rename

    def refuse_partial(source, target):
        if f".{atomic.PARTIAL}-" in str(source):
            raise OSError(errno.EIO, "broken", str(source))
        rename(source, target)

    monkeypatch.setattr(atomic.os, "rename", refuse_partial)
    with pytest.raises(OSError, match="broken") as caught:
        write_folder(folder, "new")
    assert caught.value.filename == str(folder)
    assert (folder / "value").read_text() == "earlier"
    assert names(folder) == ["ct.ome.zarr"]


@pytest.mark.parametrize("when", ["before", "between"])
def test_what_a_killed_writer_left_is_swept_and_nothing_is_lost(folder, when):
    kill_a_writer(folder, when)
    assert len(names(folder)) == 2
    # The next writer fails before it is done: the earlier output must be there all the same.
    with pytest.raises(ZeroDivisionError), replacing(folder):
        1 / 0  # noqa: B018
    assert (folder / "value").read_text() == "earlier"
    assert names(folder) == ["ct.ome.zarr"]
    write_folder(folder, "new")
    assert (folder / "value").read_text() == "new"


def test_only_leftovers_of_dead_processes_for_the_same_name_are_swept(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    kept = [f".partial-{os.getppid()}-a.json", f".partial-{dead.pid}-b.json", ".partial-x-a.json"]
    for name in [*kept, f".partial-{dead.pid}-a.json"]:
        (tmp_path / name).touch()
    write_json(tmp_path / "a.json", {})
    assert names(tmp_path / "a.json") == sorted([*kept, "a.json"])


def test_a_full_disk_is_reported_with_the_final_name(tmp_path):
    for named in (None, "inside"):
        with pytest.raises(OSError, match="full") as caught, replacing(tmp_path / "a") as temporary:
            temporary.mkdir()
            filename = named and str(temporary / named)
            raise OSError(errno.ENOSPC, "full", *filter(None, [filename]))
        assert caught.value.filename == str(tmp_path / "a")
    with pytest.raises(OSError, match="other") as caught, replacing(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "other", "/elsewhere")
    assert caught.value.filename == "/elsewhere"
