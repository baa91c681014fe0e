"""Linear map of grey levels of any type to uint16; ingest records it, so that it can be undone."""

import math
from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass

import numba
import numpy as np

from virtual_staining.errors import InputError

SAMPLES = 2**24  # at most so many values give the percentiles


@numba.njit(cache=True, nogil=True)
def _map_values(raw, stored, scale, offset):
    """Fill ``stored`` with ``scale * raw + offset``, rounded and clipped."""
    for i in range(raw.size):
        stored[i] = np.uint16(min(max(scale * raw[i] + (offset + 0.5), 0.0), 65535.0))


@dataclass(frozen=True)
class GreyMap:
    """``stored = scale * raw + offset``, rounded and clipped to 0–65535."""

    scale: float
    offset: float

    def apply(self, slab: np.ndarray, pool: Executor | None = None) -> np.ndarray:
        """Return raw values (any type, any shape) as uint16; uint16 needs no copy under identity.

        With a pool, the planes of a slab (z, y, x) are mapped in parallel.
        """
        if slab.dtype == np.uint16 and (self.scale, self.offset) == (1.0, 0.0):
            return slab
        slab = np.ascontiguousarray(slab, slab.dtype.newbyteorder("="))
        stored = np.empty(slab.shape, np.uint16)
        parts = zip(slab, stored, strict=True) if pool else [(slab, stored)]
        calls = [(raw.reshape(-1), out.reshape(-1), self.scale, self.offset) for raw, out in parts]
        list((pool.map if pool else map)(_map_values, *zip(*calls, strict=True)))
        return stored


def fixed_grey_map(dtype: np.dtype) -> GreyMap | None:
    """Return the map of 8- and 16-bit integers, None for types whose range must be measured.

    uint16 stays; int16 is shifted by 32768; 8 bits are spread over the 16 (x 257), so that the
    averages of anti-aliasing and of the pyramid keep their fractions.
    """
    table = {"u2": (1.0, 0.0), "i2": (1.0, 32768.0), "u1": (257.0, 0.0), "i1": (257.0, 32896.0)}
    found = table.get(f"{dtype.kind}{dtype.itemsize}")
    return None if found is None else GreyMap(*found)


def measured_grey_map(
    blocks: Iterable[tuple[np.ndarray, np.ndarray]],
    shape: tuple[int, ...],
    percentiles: tuple[float, float],
    name: str,
) -> GreyMap:
    """Measure, in one pass, the map that spreads two percentiles over 0–65535.

    Percentiles come from a regular subsample of at most ``SAMPLES`` measured values.

    Parameters
    ----------
    blocks : iterable of (ndarray, ndarray)
        Consecutive planes, (dz, y, x), and where they were measured, uint8 of the same shape.
    shape : (int, int, int)
        Of the whole volume.
    percentiles : (low, high)
        They become 0 and 65535.
    name : str
        The file, for messages.

    Raises
    ------
    InputError
        If both percentiles are the same value.
    """
    step = math.ceil((math.prod(shape) / SAMPLES) ** (1 / 2))
    sample, z = [], 0
    for block, measured in blocks:
        for plane, seen in zip(block, measured, strict=True):
            at = slice(z % step, None, step), slice(None, None, step)
            sample.append(plane[at][seen[at] > 0])
            z += 1
    low, high = np.percentile(np.concatenate(sample), percentiles)
    if not high > low:
        raise InputError(
            f"{name}: its {percentiles[0]:g} and {percentiles[1]:g} percentiles are both {low:g}; "
            "check the file, or widen ingest.float_percentiles"
        )
    scale = 65535 / (float(high) - float(low))
    return GreyMap(scale, -float(low) * scale)
