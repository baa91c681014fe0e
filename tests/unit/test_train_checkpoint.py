"""The resume folder: torn files, other runs, full disks."""

import logging
import os

import pytest
import torch

from virtual_staining.artefacts.storage.lock import only_one_process
from virtual_staining.artefacts.training_record import file_checksum
from virtual_staining.errors import InputError
from virtual_staining.train import checkpoint
from virtual_staining.train.checkpoint import ResumeFolder

RUN = {"settings": {"features": 4, "seed": 1}, "inputs": {"a/ct": "00", "fold": [["a"], []]}}


def folder(path, run=RUN):
    return ResumeFolder(path / "resume", run)


def test_newest_is_loaded_and_two_are_kept(tmp_path):
    resume = folder(tmp_path)
    assert resume.load() is None
    for step in (5, 90, 1000):
        resume.save({"step": step}, step, set())
    assert folder(tmp_path).load() == {"step": 1000}
    assert len(list(resume.path.glob("step-*.pt"))) == 2


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_a_torn_checkpoint_gives_way_to_the_one_before(tmp_path, caplog, damage):
    resume = folder(tmp_path)
    resume.save({"weights": torch.arange(1000)}, 1, set())
    newest = resume.save({"weights": torch.arange(1000) + 1}, 2, set())
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    cut = {"cut": content[:-100], "flipped": content, "empty": b""}[damage]
    newest.write_bytes(cut)
    assert torch.equal(folder(tmp_path).load()["weights"], torch.arange(1000))
    assert "damaged" in caplog.text


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"settings": {"features": 8, "seed": 1}}, "features"),
        ({"inputs": {"a/ct": "01", "fold": [["a"], []]}}, "a/ct"),
        ({"inputs": {"a/ct": "00", "fold": [["a"], ["b"]]}}, "fold"),
    ],
)
def test_another_run_starts_anew_says_why_and_loses_nothing(tmp_path, caplog, change, named):
    first = folder(tmp_path)
    first.save({"step": 1}, 1, set())
    first.save_best(1, {})
    kept = first.newest.read_bytes()
    second = folder(tmp_path, RUN | change)
    assert second.load() is None
    assert list(second.best.iterdir()) == []
    assert f"other {named}" in caplog.text
    (aside,) = (tmp_path / "earlier").iterdir()
    assert str(aside) in caplog.text
    assert next(aside.glob("step-*.pt")).read_bytes() == kept
    assert (aside / "run.json").is_file() and (aside / "best/epoch-00001.pt").is_file()


def test_keys_that_reach_no_weights_keep_the_checkpoint(tmp_path):
    """An earlier version recorded all keys of the block."""
    old = {**RUN, "settings": {**RUN["settings"], "checkpoint_minutes": 10, "epochs": 5}}
    folder(tmp_path, old).save({"step": 1}, 1, set())
    assert folder(tmp_path).load() == {"step": 1}


def test_another_number_of_threads_is_recorded_and_said(tmp_path, caplog):
    ResumeFolder(tmp_path / "resume", RUN, threads=4).save({}, 1, set())
    ResumeFolder(tmp_path / "resume", RUN, threads=4)
    assert "threads" not in caplog.text
    resume = ResumeFolder(tmp_path / "resume", RUN, threads=2)
    assert "made with threads 4, this start has 2" in caplog.text
    assert resume.machines == {"threads": [4, 4, 2], "devices": ["cpu"] * 3}


def test_a_foreign_file_under_a_checkpoints_name_gives_way_to_the_one_before(tmp_path):
    resume = folder(tmp_path)
    resume.save({"step": 1}, 1, set())
    foreign = tmp_path / "foreign"
    foreign.write_bytes(b"no archive")
    foreign.rename(resume.path / f"step-0000000002-{file_checksum(foreign)[:16]}.pt")
    assert folder(tmp_path).load() == {"step": 1}


def test_what_a_killed_process_left_is_swept_at_the_next_start(tmp_path):
    resume = folder(tmp_path)
    resume.save({"step": 1}, 1, set())
    (resume.path / ".partial-4711").write_bytes(b"half a checkpoint")
    assert folder(tmp_path).load() == {"step": 1}
    assert not list(resume.path.glob(".partial-*"))


def test_a_finished_run_keeps_its_last_state_alone(tmp_path, monkeypatch, caplog):
    resume = folder(tmp_path)
    for epoch in (1, 2):
        resume.save_best(epoch, {})
        resume.save({"step": epoch}, epoch, {epoch})
    resume.finish({"step": 3}, 3, {2})
    assert [path.name[:15] for path in resume.path.glob("step-*")] == ["step-0000000003"]
    assert [path.name for path in resume.best.iterdir()] == ["epoch-00002.pt"]

    def full(*_):
        raise InputError("full")

    monkeypatch.setattr(resume, "save", full)
    resume.finish({}, 4, set())
    assert "more epochs would start anew" in caplog.text and resume.newest is None


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    with only_one_process(tmp_path / "resume"):
        holder = f"another process works .*process {os.getpid()} on"
        with pytest.raises(InputError, match=holder), only_one_process(tmp_path / "resume"):
            pass
    with only_one_process(tmp_path / "resume"):
        pass


def test_a_checkpoint_of_another_format_is_not_read(tmp_path, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    folder(tmp_path).save({"step": 1}, 1, set())
    monkeypatch.setattr(checkpoint, "FORMAT", checkpoint.FORMAT + 1)
    assert folder(tmp_path).load() is None
    assert "another version" in caplog.text


def test_full_disk_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    resume = folder(tmp_path)
    good = resume.save({"step": 1}, 1, set())

    def full(state, file):
        file.write(b"half a")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(InputError, match="No space left") as error:
        resume.save({"step": 2}, 2, set())
    assert str(good) in str(error.value)
    assert folder(tmp_path).load() == {"step": 1}
    assert not list(resume.path.glob(".partial*"))


def test_best_epochs_of_neither_checkpoint_are_removed(tmp_path):
    """The first checkpoint of a process removes nothing: an older one may refer to any epoch."""
    resume = folder(tmp_path)
    for epoch in range(1, 6):
        resume.save_best(epoch, {"epoch": torch.tensor(epoch)})
    for step, (best_epochs, kept) in enumerate([({1}, "12345"), ({2, 4}, "124"), ({4}, "24")]):
        resume.save({}, step, best_epochs)
        assert sorted(p.stem[-1] for p in resume.best.iterdir()) == list(kept)
    assert resume.load_best(4)["epoch"] == 4
