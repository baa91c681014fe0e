"""Runs that stop and start again: torn checkpoints, other runs, full disks, spoilt numbers."""

import logging
import resource
import signal

import numpy as np
import pytest
import tifffile
import torch
from train_cases import tiny, trained, write_fold, write_settings

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.training_record import read_record
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.train import loop
from virtual_staining.train.checkpoint import ResumeFolder

torch.set_num_threads(1)


def weights(folder):
    content = torch.load(trained(folder).generator, weights_only=True)
    return {f"{d}.{k}": v for d, g in content["generators"].items() for k, v in g.items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def stop_in_step(monkeypatch, arguments, number):
    """Run until the given step, in which the scheduler asks the process to end."""
    step, calls = loop.Model.step, []

    def step_and_signal(self, batch, seed):
        calls.append(seed)
        if len(calls) == number:
            signal.raise_signal(signal.SIGTERM)
        return step(self, batch, seed)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Model, "step", step_and_signal)
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
    assert stopped.value.code == 128 + signal.SIGTERM


def checkpoints(folder):
    return sorted(trained(folder).resume.glob("step-*.pt"))


@pytest.mark.parametrize("torn", [1, 2])
def test_a_run_with_torn_checkpoints_equals_an_uninterrupted_one(
    tmp_path, monkeypatch, caplog, torn
):
    """One torn goes back to the checkpoint before it, two to the start."""
    settings = tiny(epochs=3, checkpoint_minutes=0)
    arguments = write_fold(tmp_path / "a", settings)
    stop_in_step(monkeypatch, arguments, 6)
    before, newest = checkpoints(tmp_path / "a")
    for path in (newest, before)[:torn]:
        path.write_bytes(path.read_bytes()[:-1])
    caplog.clear()
    caplog.set_level(logging.INFO)
    assert main(arguments) == 0
    assert caplog.text.count("damaged") == torn
    assert (f"continuing from {before}" in caplog.text) == (torn == 1)
    assert main(write_fold(tmp_path / "b", settings)) == 0
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


FAILURES = {
    "the GPU failed or is gone; start again": RuntimeError(
        "CUDA error: device-side assert\nadvice"
    ),
    "the GPU's memory is full; choose a smaller batch": torch.OutOfMemoryError("CUDA: no memory"),
    "the machine's memory is full; give the job more": MemoryError(),
}


@pytest.mark.parametrize("said", FAILURES)
def test_a_device_that_fails_in_mid_training_is_a_sentence_and_the_run_continues(
    tmp_path, monkeypatch, capsys, caplog, said
):
    settings = tiny(epochs=2, checkpoint_minutes=0)
    arguments = write_fold(tmp_path / "a", settings)
    step, calls = loop.Model.step, []

    def failing_step(self, batch, seed):
        calls.append(seed)
        if len(calls) == 4:
            raise FAILURES[said]
        return step(self, batch, seed)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Model, "step", failing_step)
        assert main(arguments) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"error: {tmp_path / 'a'}: {said}" in last
    newest = checkpoints(tmp_path / "a")[-1]
    assert "step-0000000003" in newest.name and not trained(tmp_path / "a").generator.exists()
    caplog.set_level(logging.INFO)
    assert main(arguments) == 0
    assert f"continuing from {newest}" in caplog.text
    assert main(write_fold(tmp_path / "b", settings)) == 0
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def change_image(folder):
    path = Results(folder).normalized("s0").ct
    image = tifffile.imread(path)
    image[10:30] += 900
    tifffile.imwrite(path, image)


CHANGES = {
    "learning_rate": lambda folder: write_settings(folder, tiny(learning_rate=0.001)),
    "lambda_px": lambda folder: write_settings(folder, tiny(lambda_px=1.0)),
    "s0/ct": change_image,
}


@pytest.mark.parametrize("named", CHANGES)
def test_a_changed_run_starts_clean_and_says_so(tmp_path, monkeypatch, caplog, named):
    arguments = write_fold(tmp_path / "a", tiny())
    stop_in_step(monkeypatch, arguments, 3)
    assert checkpoints(tmp_path / "a")
    CHANGES[named](tmp_path / "a")
    caplog.set_level(logging.INFO)
    assert main(arguments) == 0
    assert "starting anew" in caplog.text and named in caplog.text
    assert "continuing from" not in caplog.text
    fresh = write_fold(tmp_path / "b", tiny())
    CHANGES[named](tmp_path / "b")
    assert main(fresh) == 0
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_more_epochs_continue_and_equal_having_asked_for_them_at_once(tmp_path, caplog):
    """Also the bytes are equal; fewer epochs, and a decaying rate, start anew."""
    caplog.set_level(logging.INFO)
    arguments = write_fold(tmp_path / "a", tiny(epochs=1))
    assert main(arguments) == 0
    longer = tiny(epochs=2, checkpoint_minutes=7, infer_checkpoint="gan")
    write_settings(tmp_path / "a", longer)
    assert main(arguments) == 0
    assert "continuing from" in caplog.text
    assert main(write_fold(tmp_path / "b", longer)) == 0
    for file in sorted(trained(tmp_path / "a").best.iterdir()):
        assert file.read_bytes() == (trained(tmp_path / "b").best / file.name).read_bytes(), file
    record = read_record(trained(tmp_path / "a"))
    assert record.settings["epochs"] == 2 and record.threads == [1, 1]
    caplog.clear()
    write_settings(tmp_path / "a", tiny(epochs=1))
    assert main(arguments) == 0
    assert "2 epochs are done, and 1 are wanted" in caplog.text
    caplog.clear()
    write_settings(tmp_path / "a", tiny(epochs=3, decay_from_epoch=1))
    assert main(arguments) == 0
    assert "other decay_from_epoch" in caplog.text
    assert len(list((tmp_path / "a").rglob("earlier/resume-*"))) == 2


@pytest.mark.parametrize("save", ["save", "save_best"])
def test_files_that_do_not_fit_leave_the_old_checkpoint(tmp_path, save):
    """The system itself refuses to write more, as a full disk does."""
    folder = ResumeFolder(tmp_path / "resume", {"settings": {}, "inputs": {}})
    good = folder.save({"weights": torch.zeros(10)}, 1, set())
    state = {"weights": torch.zeros(1_000_000)}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(InputError, match="cannot write") as error:
            folder.save(state, 2, set()) if save == "save" else folder.save_best(2, state)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(good) in str(error.value)
    assert torch.equal(folder.load()["weights"], torch.zeros(10))
    assert not [p for p in folder.path.rglob("*") if "partial" in p.name]


@pytest.mark.parametrize("spoilt", [float("nan"), float("inf")])
def test_spoilt_validation_losses_stop_the_run(tmp_path, capsys, monkeypatch, spoilt):
    arguments = write_fold(tmp_path, tiny(checkpoint_minutes=0))
    validate = loop.Model.validate
    monkeypatch.setattr(loop.Model, "validate", lambda self, b: validate(self, b) * spoilt)
    assert main(arguments) == 1
    message = capsys.readouterr().err
    assert "validation losses not finite at epoch 1" in message
    assert "validation patches of 32 px: s2 at y " in message
    assert str(checkpoints(tmp_path)[-1]) in message


def test_an_update_that_spoils_the_weights_is_found_before_the_results(
    tmp_path, capsys, monkeypatch
):
    """The last step's losses are those before its update, and are in order."""
    arguments = write_fold(tmp_path, tiny(epochs=1), validation=0)
    step, calls = loop.Model.step, []

    def spoil(self, batch, seed):
        values = step(self, batch, seed)
        calls.append(seed)
        if len(calls) == 4:  # of four
            next(self.generators.parameters()).data.fill_(np.nan)
        return values

    monkeypatch.setattr(loop.Model, "step", spoil)
    assert main(arguments) == 1
    assert "weights not finite" in capsys.readouterr().err
    assert not trained(tmp_path).generator.exists()
