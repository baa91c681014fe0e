"""What a process of the networks sets for itself."""

import ctypes
import platform
import subprocess
import sys

import pytest
import torch

from virtual_staining import runtime
from virtual_staining.runtime import set_up_processor

# Counts the pages that the system clears for a block of 64 MB asked for again and again.
FAULTS = """
import ctypes, resource, sys, torch
from virtual_staining.runtime import set_up_processor
torch.set_num_threads(1)
set_up_processor(1) if sys.argv[1] == "kept" else None
block = lambda: torch.full((1 << 24,), 1.0).sum()
for _ in range(32):  # until the heap is as large as it gets
    block()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(8):
    block()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(way):
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, way], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_freed_memory_is_used_again():
    assert faults("kept") < 100 < faults("returned") / 8


def test_another_c_library_is_left_alone(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    try:
        set_up_processor(3)
        assert torch.get_num_threads() == 3
        monkeypatch.setattr(runtime.sys, "platform", "darwin")
        monkeypatch.setattr(ctypes, "CDLL", None)
        set_up_processor(2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
