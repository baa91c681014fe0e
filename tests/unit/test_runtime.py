"""How a process uses the machine's cores, device and memory."""

import ctypes
import os
import platform
import subprocess
import sys
import warnings

import pytest
import torch

from virtual_staining import runtime
from virtual_staining.errors import InputError
from virtual_staining.runtime import choose_device, cpu_count, set_up_processor, take_card

# Prints how many MB of a freed block of 64 MB the process keeps, before and after it is set up.
FREED = """
import os, torch
from virtual_staining.runtime import set_up_processor

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

def kept_mb():
    before = resident_mb()
    block = torch.full((1 << 24,), 1.0)
    assert resident_mb() - before > 60
    del block
    return resident_mb() - before

kept_mb()
print(kept_mb())
set_up_processor(1)
print(kept_mb())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than glibc")
def test_freed_memory_is_kept_for_the_next_block():
    done = subprocess.run(
        [sys.executable, "-c", FREED], capture_output=True, encoding="utf-8", check=True
    )
    by_default, set_up = map(float, done.stdout.split())
    assert by_default < 10
    assert set_up > 60


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


def test_cores_are_those_of_the_process_or_else_of_the_machine(monkeypatch):
    if hasattr(os, "sched_getaffinity"):
        assert cpu_count() == len(os.sched_getaffinity(0))
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7})
        assert cpu_count() == 3
        monkeypatch.delattr(os, "sched_getaffinity")  # as on macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cpu_count() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cpu_count() == 1


def test_free_memory_is_the_machine_s_where_the_system_does_not_tell(monkeypatch):
    """As on macOS, which has no /proc."""

    def none(*_):
        raise FileNotFoundError("/proc/meminfo")

    monkeypatch.setattr(runtime, "_proc_field", none)
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert runtime.free_memory_bytes() == machine > 0


def test_a_command_starts_without_linux_own_calls(monkeypatch, capsys):
    """Only Linux tells the cores of a process and can advise its page cache."""
    for name in ("sched_getaffinity", "sched_setaffinity", "posix_fadvise"):
        monkeypatch.delattr(os, name, raising=False)
    from virtual_staining.cli import main

    with pytest.raises(SystemExit) as stop:
        main(["ingest", "volume", "--help"])
    assert stop.value.code == 0


PROMISES = ("CUDA_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "SLURM_GPUS_ON_NODE", *runtime.BATCH_JOBS)


@pytest.fixture
def promise(monkeypatch, tmp_path):
    """Return a function that sets the environment and the number of the driver's cards."""

    def set_promise(cards=0, **environment):
        for name in PROMISES:
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for card in range(cards):
            (tmp_path / f"0000:{card}").mkdir()
        monkeypatch.setattr(runtime, "NVIDIA_CARDS", tmp_path if cards else tmp_path / "none")

    return set_promise


@pytest.mark.parametrize(
    ("environment", "cards", "words"),
    [
        ({}, 0, ""),
        ({}, 2, "the NVIDIA driver lists 2 card(s)"),
        ({"CUDA_VISIBLE_DEVICES": "0"}, 0, "CUDA_VISIBLE_DEVICES is 0"),
        ({"CUDA_VISIBLE_DEVICES": ""}, 2, ""),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, 2, ""),
        ({"SLURM_JOB_ID": "7", "SLURM_JOB_GPUS": "3"}, 0, "SLURM_JOB_GPUS is 3"),
        ({"SLURM_JOB_ID": "7", "SLURM_GPUS_ON_NODE": "0"}, 2, ""),
        ({"PBS_JOBID": "7"}, 2, ""),
    ],
)
def test_what_promises_a_gpu(promise, environment, cards, words):
    promise(cards, **environment)
    assert runtime.promised_gpu() == words


@pytest.mark.parametrize("built_for", [None, "13.0"])
def test_a_promised_gpu_that_torch_does_not_find_is_refused(monkeypatch, promise, built_for):
    """The sentence holds torch's own reason and says how to insist on the CPU."""
    promise(CUDA_VISIBLE_DEVICES="0")

    def none():
        warnings.warn("CUDA initialization: driver too old\nsee above", stacklevel=1)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", none)
    monkeypatch.setattr(torch.version, "cuda", built_for)
    with pytest.raises(InputError) as refused:
        choose_device()
    assert ("driver too old)" in str(refused.value)) == bool(built_for)
    assert "empty CUDA_VISIBLE_DEVICES= to compute on the processor" in str(refused.value)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert choose_device().type == "cpu"


@pytest.mark.parametrize("available", [True, False])
def test_networks_run_on_the_gpu_where_there_is_one(monkeypatch, promise, available):
    promise()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert choose_device().type == ("cuda" if available else "cpu")


# Takes one of two cards, says which, and keeps the card until its input ends.
TAKES = """
import sys
from pathlib import Path
from virtual_staining.runtime import take_card

print(take_card(("a", "b"), Path(sys.argv[1])), flush=True)
sys.stdin.read()
"""


def test_processes_take_different_cards_and_give_them_back(tmp_path):
    command = [sys.executable, "-c", TAKES, str(tmp_path)]

    def start():
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        process = subprocess.Popen(command, encoding="utf-8", **pipes)
        return process, int(process.stdout.readline())

    (first, one), (second, other), (third, shared) = start(), start(), start()
    assert (one, other) == (0, 1) and shared == third.pid % 2
    first.kill()
    first.communicate()
    fourth, card = start()
    assert card == 0
    for process in (second, third, fourth):
        process.communicate("")


def test_a_process_keeps_its_card(tmp_path):
    assert [take_card(("a", "b"), tmp_path) for _ in range(3)] == [0, 0, 0]
