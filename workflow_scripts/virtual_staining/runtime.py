"""How a process uses the machine: its cores, its graphics card, and the memory that it frees.

torch takes more than a second to import and is therefore imported only inside the functions that
need it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from virtual_staining.errors import InputError

if TYPE_CHECKING:
    import torch

# glibc's names for its options (malloc.h).
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NVIDIA_CARDS = Path("/proc/driver/nvidia/gpus")  # one folder a card, where the driver is loaded
NO_CARD = {"", "-1", "NoDevFiles"}  # values of CUDA_VISIBLE_DEVICES that hide all cards
BATCH_JOBS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID")


def cpu_count() -> int:
    """Return the number of CPU cores that this process may use.

    On Linux, a batch system may give a process fewer cores than the machine has. macOS and Windows
    do not tell; there, all cores of the machine are counted.
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory_bytes() -> int:
    """Return how much more memory this process may use.

    On Linux, this is what the system has available, what the batch system's control group leaves
    and what the process's own limit (`ulimit -v`) leaves, whichever is least. Elsewhere it is the
    machine's memory.
    """
    try:
        free = int(_proc_field("/proc/meminfo", "MemAvailable")) * 1024
    except (OSError, ValueError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    group = Path("/sys/fs/cgroup")
    with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
        limit = int((group / "memory.max").read_text())
        free = min(free, limit - int((group / "memory.current").read_text()))
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY:
        free = min(free, limit - int(_proc_field("/proc/self/status", "VmSize")) * 1024)
    return max(0, free)


def _proc_field(file: str, name: str) -> str:
    """Return the number of a line ``name: number kB`` of the system's own files."""
    for line in Path(file).read_text(encoding="ascii", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value.split()[0]
    raise ValueError(name)


def promised_gpu() -> str:
    """Return what promises this process a GPU, in words; empty where nothing does.

    ``CUDA_VISIBLE_DEVICES`` decides where the variable is set: no card in it asks for the CPU. Else
    a job of SLURM counts the GPUs that it was given, and outside a batch job the cards count that
    the machine's NVIDIA driver lists. A batch job that asked for no GPU may run beside one.
    """
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return "" if visible.strip() in NO_CARD else f"CUDA_VISIBLE_DEVICES is {visible}"
    for name in ("SLURM_JOB_GPUS", "SLURM_GPUS_ON_NODE"):
        if os.environ.get(name, "0") not in ("", "0"):
            return f"{name} is {os.environ[name]}"
    if any(name in os.environ for name in BATCH_JOBS) or not NVIDIA_CARDS.is_dir():
        return ""
    cards = len(list(NVIDIA_CARDS.iterdir()))
    return f"the NVIDIA driver lists {cards} card(s)" if cards else ""


def choose_device() -> torch.device:
    """Return the device for networks: an NVIDIA GPU, or the CPU where no GPU is promised.

    Of the GPUs that ``CUDA_VISIBLE_DEVICES`` allows, the process takes one that no other process of
    this program has taken on this machine, or else the next in turn.

    Raises
    ------
    InputError
        If a GPU is promised (:func:`promised_gpu`) and torch finds none: a training on the CPU
        would take a hundred times as long.
    """
    import torch

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        available = torch.cuda.is_available()
    if not available:
        promise = promised_gpu()
        if promise:
            why = "it was built for processors alone" if torch.version.cuda is None else ""
            why = why or "; ".join(str(w.message).split("\n")[0] for w in said) or "no card answers"
            raise InputError(
                f"{promise}, but PyTorch {torch.__version__} finds no GPU ({why}); see what "
                "`nvidia-smi` says and install the PyTorch of envs/gpu.yaml, or start with an "
                "empty CUDA_VISIBLE_DEVICES= to compute on the processor"
            )
        return torch.device("cpu")
    cards = [torch.cuda.get_device_properties(k) for k in range(torch.cuda.device_count())]
    if len(cards) > 1:
        names = tuple(str(card.uuid) for card in cards)
        torch.cuda.set_device(take_card(names, Path(tempfile.gettempdir())))
    return torch.device("cuda")


@cache
def take_card(names: tuple[str, ...], folder: Path) -> int:
    """Take one of several GPUs for as long as this process lives.

    A card is taken by locking a file; the system gives the lock back however the process ends.

    Parameters
    ----------
    names : tuple of str
        Lasting names of the cards.
    folder : Path
        Folder of the locks, the same for all processes of the machine.

    Returns
    -------
    int
        Place of the card in ``names``: the first that is free, or where all are taken, one that
        depends on the number of the process.
    """
    for place, name in enumerate(names):
        path = folder / f"virtual_staining-{os.getuid()}-{name}.lock"
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
        else:
            return place  # the file stays open until the process ends
    return os.getpid() % len(names)


def device_name(device: torch.device) -> str:
    """Return ``cpu`` or the name of the GPU, for records."""
    import torch

    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def set_up_processor(threads: int) -> None:
    """Set the number of torch's threads, and let the process keep the memory that it frees.

    A network asks for the same large blocks again at each layer. By default the C library returns
    each freed block to the system, which must clear and map it anew: a third of the time of a
    training step of the CycleGAN. Only glibc offers the option; elsewhere nothing is changed.

    Parameters
    ----------
    threads : int
        Number of CPU threads of a single torch operation.
    """
    import torch

    torch.set_num_threads(threads)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)
