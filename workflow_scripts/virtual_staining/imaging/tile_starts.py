"""Where overlapping tiles begin along an axis."""

from itertools import product
from math import ceil

import numpy as np


def tile_starts(length_px: int, tile_px: int, step_px: int, even: bool = False) -> list[int]:
    """Return where the tiles of one axis begin; together they cover all of it.

    Parameters
    ----------
    length_px, tile_px, step_px : int
        Axis length, tile length (at most the axis length) and distance of neighbours, pixels.
    even : bool
        Where the step does not divide the axis, all tiles move together evenly; otherwise the last
        tile alone, which then lies flush with the far edge.
    """
    last = length_px - tile_px
    if even:
        return np.linspace(0, last, ceil(last / step_px) + 1).round().astype(int).tolist()
    return [*range(0, last, step_px), last]


def covered_windows(
    region: np.ndarray, patch_px: int, step_px: int, least: float
) -> list[tuple[slice, slice]]:
    """Return the patches of an image that a region covers well enough.

    Parameters
    ----------
    region : ndarray of bool, shape (y, x)
    patch_px, step_px : int
        Side of a patch, which is shorter along a shorter axis, and distance of neighbours, pixels.
    least : float
        Smallest part of a patch that the region must cover, 0 to 1.
    """
    size = [min(patch_px, length) for length in region.shape]
    starts = (
        tile_starts(length, side, step_px, even=True)
        for length, side in zip(region.shape, size, strict=True)
    )
    windows = [np.s_[y : y + size[0], x : x + size[1]] for y, x in product(*starts)]
    return [window for window in windows if region[window].mean() >= least]
