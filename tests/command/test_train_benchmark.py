"""The benchmark of the training step, on small networks: it ends, with every figure."""

import json
import os
import subprocess
import sys

import pytest
import torch
from train_cases import ROOT, tiny

from virtual_staining.models.networks import UNet


def bench(*arguments):
    """Return what the last line says, and the lines before it."""
    done = subprocess.run(
        [
            sys.executable,
            ROOT / "benchmarks/train_step.py",
            "--small",
            "--threads",
            "1",
            *arguments,
        ],
        env=dict(os.environ, CUDA_VISIBLE_DEVICES="", OMP_NUM_THREADS="1"),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    *lines, last = done.stdout.splitlines()
    return json.loads(last), lines


def test_all_phases():
    figures, lines = bench("--pairs", "2", "--bf16")
    wanted = {"cpu_speedup_fp32", "cpu_speedup_fast", "pix2pix_speedup_fast", "memory_ratio"}
    assert wanted <= figures.keys()
    assert all(figures[key] > 0 for key in wanted)
    assert (figures["cpu_rounds"], figures["cpu_pix2pix_rounds"]) == (2, 2)
    for round_, model in ((r, m) for r in "12" for m in ("paired_cyclegan", "pix2pix")):
        assert any(f"{model} {round_}/2: plain" in line for line in lines)


def test_one_phase_and_no_time_left():
    figures, lines = bench("--phases", "fp32", "--pairs", "50", "--minutes", "0")
    assert figures["cpu_rounds"] == 1
    assert set(figures) == {"cpu_speedup_fp32", "cpu_step_fp32_s", "cpu_rounds"}
    assert any("no time for a round after 1" in line for line in lines)


@pytest.mark.parametrize("name", ["paired_cyclegan", "pix2pix"])
def test_peer_has_none_of_the_fast_layers(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from train_peer import Plain

    peer = Plain(tiny(name), torch.device("cpu"), None)
    layers = {type(m) for network in [*peer.g, *peer.d] for m in network.modules()}
    own = {layer.__module__ for layer in layers if "virtual_staining" in layer.__module__}
    assert own <= {UNet.__module__}
    assert torch.nn.Conv2d in layers
