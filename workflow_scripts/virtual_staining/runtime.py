"""How a process that runs networks uses the processor and its memory."""

import ctypes
import sys

import torch

# glibc's names for its options (malloc.h).
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4


def set_up_processor(threads: int) -> None:
    """Set the threads of the process, and let it keep the memory that it frees.

    A network asks for the same large blocks again at each layer. The C library's way is to return
    each to the system and to have it cleared and mapped anew: a third of the time of a training
    step of the CycleGAN. Where the C library is another one, nothing is changed.

    Parameters
    ----------
    threads : int
        That one operation of torch is spread over.
    """
    torch.set_num_threads(threads)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)


def choose_device() -> torch.device:
    """Return the first CUDA device if there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
