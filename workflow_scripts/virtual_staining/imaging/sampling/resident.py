"""Image pairs in memory, as small integers: on the device, or beside it where they do not fit."""

import logging
import math
from dataclasses import replace

import numpy as np
import torch

from virtual_staining.imaging.image_pair import TrainingPair

log = logging.getLogger(__name__)

# Arithmetic on unsigned 16 bit is not available on every device; shifted signed is.
CT_SHIFT = 32768
# CT, red, green, blue and mask of one pixel.
PIXEL_BYTES = 2 + 4
# Of the device's free memory; the networks' activations need the rest.
LARGEST_SHARE = 0.25


class Resident:
    """One pair's five planes: CT as int16, and red, green, blue and mask as uint8.

    Parameters
    ----------
    pair : TrainingPair
        The images.
    device : torch.device
        Where they lie.
    """

    def __init__(self, pair: TrainingPair, device: torch.device):
        self.shape = pair.ct.shape
        ct = (pair.ct[None].astype(np.int32) - CT_SHIFT).astype(np.int16)
        rest = np.concatenate([np.moveaxis(pair.slide, 2, 0), pair.mask[None].astype(np.uint8)])
        self.ct, self.rest = (torch.from_numpy(planes).to(device) for planes in (ct, rest))

    def window(self, y: int, x: int, size_px: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a square of the CT (1, size, size), shifted, and of the rest (4, size, size)."""
        where = (slice(None), slice(y, y + size_px), slice(x, x + size_px))
        return self.ct[where], self.rest[where]


def grow(pair: TrainingPair, size_px: int) -> TrainingPair:
    """Grow images smaller than ``size_px`` by reflection, and their mask by nothing."""
    height, width = pair.ct.shape
    by = ((0, max(size_px - height, 0)), (0, max(size_px - width, 0)))
    return replace(
        pair,
        ct=np.pad(pair.ct, by, mode="symmetric"),
        slide=np.pad(pair.slide, (*by, (0, 0)), mode="symmetric"),
        mask=np.pad(pair.mask, by),
    )


def home(pairs: list[TrainingPair], device: torch.device) -> torch.device:
    """Return where all pairs lie: the device, or host memory if they would crowd it."""
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
    """Return the device's free memory, bytes; without bound where it is the host's own."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else math.inf
