"""Image pairs held as small integers, in the memory of the device or, if too large, of the host."""

import logging
import math
from dataclasses import replace

import numpy as np
import torch

from virtual_staining.imaging.image_pair import TrainingPair

log = logging.getLogger(__name__)

# Not every device computes with unsigned 16-bit integers, so grey levels are shifted to signed.
CT_SHIFT = 32768
# Bytes of one pixel: CT; red, green, blue and mask.
PIXEL_BYTES = 2 + 4
# Values of the mask's plane.
IN_MASK, OUTSIDE = 1, 2
# Largest share of the device's free memory; the networks' activations need the rest.
LARGEST_SHARE = 0.25


class Resident:
    """One pair's five planes: CT as int16, and red, green, blue and mask as uint8.

    The mask is :data:`IN_MASK`, :data:`OUTSIDE` where a loss may count what lies outside it, or 0.

    Parameters
    ----------
    pair : TrainingPair
        The images.
    device : torch.device
        Device whose memory holds the images.
    """

    def __init__(self, pair: TrainingPair, device: torch.device):
        self.shape = pair.ct.shape
        ct = (pair.ct[None].astype(np.int32) - CT_SHIFT).astype(np.int16)
        mask = np.where(pair.mask, IN_MASK, 0).astype(np.uint8)
        if pair.outside is not None:
            mask[pair.outside & ~pair.mask] = OUTSIDE
        rest = np.concatenate([np.moveaxis(pair.slide, 2, 0), mask[None]])
        self.ct, self.rest = (torch.from_numpy(planes).to(device) for planes in (ct, rest))

    def window(self, y: int, x: int, size_px: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a square of the CT (1, size, size), shifted, and of the rest (4, size, size)."""
        window = (slice(None), slice(y, y + size_px), slice(x, x + size_px))
        return self.ct[window], self.rest[window]


def grow(pair: TrainingPair, size_px: int) -> TrainingPair:
    """Pad images smaller than ``size_px`` by reflection, and their mask by False.

    No loss counts the padding, because it lies outside the mask.
    """
    height, width = pair.ct.shape
    by = ((0, max(size_px - height, 0)), (0, max(size_px - width, 0)))
    return replace(
        pair,
        ct=np.pad(pair.ct, by, mode="symmetric"),
        slide=np.pad(pair.slide, (*by, (0, 0)), mode="symmetric"),
        mask=np.pad(pair.mask, by),
        outside=None if pair.outside is None else np.pad(pair.outside, by),
    )


def memory_for(pairs: list[TrainingPair], device: torch.device) -> torch.device:
    """Return the device in whose memory all pairs fit: the given device, else the CPU."""
    need = PIXEL_BYTES * sum(pair.ct.size for pair in pairs)
    free = free_bytes(device)
    if need <= LARGEST_SHARE * free:
        return device
    log.info(
        "%d image pairs (%.1f GiB) stay in host memory: %.1f GiB are free on %s",
        len(pairs),
        need / 2**30,
        free / 2**30,
        device,
    )
    return torch.device("cpu")


def free_bytes(device: torch.device) -> float:
    """Return the free memory of a GPU in bytes, or infinity for the CPU."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else math.inf
