"""Whole training runs: same seed, killed and continued, stopped, diverged, forced again."""

import os
import re
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from pictures import has_colour, read_rgb
from train_cases import ROOT, make_pair, tiny, trained, write_fold, write_settings

from virtual_staining.artefacts.paths import Results
from virtual_staining.cli import main
from virtual_staining.models.catalogue import all_models
from virtual_staining.models.model import Model
from virtual_staining.train.schedule import build_samplers, learning_rate

torch.set_num_threads(1)


def weights(path):
    content = torch.load(path, weights_only=True)
    return {f"{d}.{k}": v for d, g in content["generators"].items() for k, v in g.items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


# Trains until the 40th step, says so, and waits there for the signal that is to come.
WAITING = """
import signal, sys, time
from virtual_staining.cli import main
from virtual_staining.models.model import Model

step, steps, received = Model.step, [], []

def wait(self, batch, seed):
    steps.append(seed)
    if len(steps) == 40:
        handler = signal.getsignal(signal.SIGTERM)
        def note(number, frame):
            received.append(number)
            handler(number, frame)
        signal.signal(signal.SIGTERM, note)
        print("waiting", flush=True)
        while not received:
            time.sleep(0.01)
    return step(self, batch, seed)

Model.step = wait
sys.exit(main(sys.argv[1:]))
"""


def start_and_wait(arguments):
    """Start a training in a process of its own; return it when it waits in its 40th step."""
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, *arguments],
        env=dict(os.environ, PYTHONPATH=str(ROOT / "workflow_scripts"), OMP_NUM_THREADS="1"),
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout.readline() == "waiting\n"
    return process


@pytest.mark.parametrize("model", all_models())
def test_files_of_a_run(tmp_path, model):
    arguments = write_fold(tmp_path, tiny(model))
    assert main(arguments) == 0
    out, components = trained(tmp_path, model), all_models()[model].components(tiny(model))
    content = torch.load(out.generator, weights_only=True)
    assert (content["model"], content["epoch"], content["loss"]) == (model, 2, "last")
    directions = {"forward"} if model == "pix2pix" else {"forward", "reverse"}
    assert set(content["generators"]) == directions
    assert content["settings"]["features"] == 4
    assert {p.stem for p in out.best.iterdir()} == {*components, "last"}
    history = pd.read_csv(out.history)
    assert list(history["epoch"]) == [1, 2]
    assert np.isfinite(history.to_numpy(float)).all()
    for name in components:
        best = torch.load(out.best / f"{name}.pt", weights_only=True)
        assert best["epoch"] == history["epoch"][history[f"validation_{name}"].idxmin()]
    curves = read_rgb(out.curves)
    losses = [name.removeprefix("train_") for name in history if name.startswith("train_")]
    assert curves.shape == (312, 312 * len(losses), 3)
    for panel, name in zip(np.split(curves, len(losses), axis=1), losses, strict=True):
        assert has_colour(panel, "tab:blue"), name
        assert has_colour(panel, "tab:orange") == (f"validation_{name}" in history), name
    assert len(list(out.resume.glob("step-*.pt"))) == 1


def test_same_seed_same_weights_and_a_forced_rerun_trains_again(tmp_path):
    arguments = write_fold(tmp_path, tiny(), validation=0)
    main(arguments)
    out = trained(tmp_path)
    first = weights(out.generator)
    assert "validation_total" not in pd.read_csv(out.history)
    out.generator.unlink()
    main(arguments)
    assert same(first, weights(out.generator))
    write_settings(tmp_path, tiny(seed=4))
    main(arguments)
    assert not same(first, weights(out.generator))


@pytest.mark.parametrize(
    ("number", "model"), [(signal.SIGKILL, "paired_cyclegan"), (signal.SIGTERM, "pix2pix")]
)
def test_stopped_and_continued_equals_uninterrupted(tmp_path, number, model):
    # A killed training has its checkpoints alone; here each step writes one.
    every = 0 if number == signal.SIGKILL else 1000
    settings = tiny(model, epochs=3, patches_per_pair=30, checkpoint_minutes=every)
    arguments = write_fold(tmp_path, settings)
    out = trained(tmp_path, model)
    process = start_and_wait(arguments)  # 30 steps an epoch: the second of three
    process.send_signal(number)
    process.communicate()
    assert process.returncode == (143 if number == signal.SIGTERM else -9)
    assert list(out.resume.glob("step-*.pt"))
    assert not out.generator.exists()
    assert main(arguments) == 0
    # The same settings, uninterrupted, elsewhere.
    whole = write_fold(tmp_path / "whole", settings)
    assert main(whole) == 0
    undisturbed = trained(tmp_path / "whole", model)
    for name in ("generator.pt", "best/total.pt", "best/gan.pt"):
        assert same(weights(out.path / name), weights(undisturbed.path / name)), name
    a, b = (pd.read_csv(folder.history) for folder in (out, undisturbed))
    pd.testing.assert_frame_equal(a.drop(columns="seconds"), b.drop(columns="seconds"))


@pytest.mark.parametrize("spoilt", [float("nan"), float("-inf")])
def test_divergence_names_step_patches_and_checkpoint(tmp_path, capsys, monkeypatch, spoilt):
    arguments = write_fold(tmp_path, tiny(checkpoint_minutes=0))
    step = Model.step
    calls = []

    def diverge(self, batch, seed):
        calls.append(seed)
        return step(self, batch, seed) * (spoilt if len(calls) == 6 else 1)

    monkeypatch.setattr(Model, "step", diverge)
    assert main(arguments) == 1
    message = capsys.readouterr().err
    assert re.search(r"epoch 2, step 2 \(patches of 32 px: s\d at y \d+ x \d+, s\d at y", message)
    assert "step-0000000005" in message
    assert not trained(tmp_path).generator.exists()


def test_a_checkpoint_with_spoilt_weights_is_not_written(tmp_path, capsys, monkeypatch):
    arguments = write_fold(tmp_path, tiny(checkpoint_minutes=0))
    monkeypatch.setattr(Model, "is_finite", lambda self: False)
    assert main(arguments) == 1
    assert "weights not finite" in capsys.readouterr().err
    assert not list(trained(tmp_path).resume.glob("step-*.pt"))


def test_a_few_steps_learn_the_colours(tmp_path):
    settings = tiny(
        "pix2pix", epochs=4, patches_per_pair=60, features=8, learning_rate=0.002, patch_px=32
    )
    arguments = write_fold(tmp_path, settings)
    main(arguments)
    history = pd.read_csv(trained(tmp_path, "pix2pix").history)
    assert history["validation_l1"].iloc[-1] < 0.6 * history["train_l1"].iloc[0]


def test_without_identity_weight_there_is_no_identity_loss(tmp_path):
    assert main(write_fold(tmp_path, tiny(epochs=1, lambda_id=0.0))) == 0
    out = trained(tmp_path)
    assert {p.stem for p in out.best.iterdir()} == {"last", "gan", "cyc", "px", "gs", "total"}
    history = pd.read_csv(out.history)
    assert "train_id" not in history and "validation_id" not in history
    assert np.isfinite(history.to_numpy(float)).all()


def test_learning_rate():
    flat, falling = tiny(epochs=10), tiny(epochs=10, decay_from_epoch=6)
    assert [learning_rate(flat, e) for e in (1, 10)] == [2e-4, 2e-4]
    rates = [learning_rate(falling, e) / 2e-4 for e in range(1, 11)]
    np.testing.assert_allclose(rates, [1] * 6 + [0.8, 0.6, 0.4, 0.2])


@pytest.mark.parametrize(
    ("model", "changes", "named"),
    [
        ("pix2pix", {"unet_depth": 6}, "train.patch_px"),
        ("pix2pix", {"infer_checkpoint": "cyc"}, "train.infer_checkpoint"),
        ("cyclegan", {"infer_checkpoint": "px"}, "train.infer_checkpoint"),
        ("cyclegan", {"infer_checkpoint": "id", "lambda_id": 0.0}, "train.infer_checkpoint"),
        ("cyclegan", {"patch_px": 34}, "train.patch_px"),
        ("stargan", {}, "stargan"),
    ],
)
def test_settings_that_cannot_work_are_named(tmp_path, capsys, model, changes, named):
    assert main(write_fold(tmp_path, tiny(model, **changes))) == 1
    assert named in capsys.readouterr().err


def test_missing_fold_and_empty_masks(tmp_path, capsys):
    arguments = write_fold(tmp_path, tiny())
    arguments[arguments.index("--fold") + 1] = "7"
    assert main(arguments) == 1
    assert "fold-7.json: no such file" in capsys.readouterr().err
    Results(tmp_path).normalized("s0").ct.unlink()
    arguments[arguments.index("--fold") + 1] = "1"
    assert main(arguments) == 1
    assert "s0/ct.tif: no such file" in capsys.readouterr().err


def test_pairs_are_those_of_the_fold():
    pairs = [make_pair(0)], [make_pair(1)]
    sampler, validation_sampler = build_samplers(tiny(), *pairs, torch.device("cpu"))
    assert sampler.samples == ["s0"]
    assert validation_sampler.samples == ["s1"]
    plan = validation_sampler.plan(1, 0)
    assert (plan.zoom == 1).all() and (plan.gain == 1).all() and not plan.flip.any()
