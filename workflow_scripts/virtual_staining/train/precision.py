"""Which number format the networks compute in."""

from contextlib import AbstractContextManager

import torch


def uses_bfloat16(precision: str, device: torch.device) -> bool:
    """Whether convolutions run in bfloat16; weights, losses and Adam stay in float32.

    Parameters
    ----------
    precision : {'fp32', 'bf16', 'auto'}
        ``auto`` takes bfloat16 where there are matrix units for it: CUDA from compute capability
        8.0, and processors with AMX. The vector instruction alone (AVX-512 BF16) does not count:
        on some processors it is slower than float32.
    device : torch.device
        Where the networks run.
    """
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def autocast(bfloat16: bool, device: torch.device) -> AbstractContextManager:
    """Return the context in which networks are called."""
    return torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)
