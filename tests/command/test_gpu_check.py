"""`make gpu-check`: every figure, a claim for all GPU-only code, a refusal without a GPU."""

import json
import os
import re
import subprocess
import sys

import pytest
import torch
from train_cases import ROOT

SCRIPT = ROOT / "benchmarks/gpu_check.py"


def check(*arguments):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_check_tries_itself_on_the_processor():
    done = check("--device", "cpu", "--small", "--seconds", "0.1")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert all(found["passed"].values()), found["passed"]
    assert found["step_pix2pix"] == found["patches"] == found["volume"]["most_levels"] == 0
    assert not any(found["claims"].values())  # a processor proves nothing of a GPU
    speed = found["speed"]
    assert speed["tiles_per_s"] > 0 and 0 < speed["pix2pix"]["share_of_peak"] < 1.5


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_the_check_says_so_and_fails():
    done = check()
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("This machine has no GPU") and done.stderr.count("\n") == 1


def test_every_place_that_treats_a_gpu_otherwise_is_a_claim(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    from gpu_check import CLAIMS

    package = ROOT / "workflow_scripts/virtual_staining"
    treats = re.compile(r"torch\.cuda|is_cuda|\"cuda\"|\"CUDA|OutOfMemoryError")
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if treats.search(path.read_text(encoding="utf-8"))
    }
    assert found == set(CLAIMS)
