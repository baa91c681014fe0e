"""Where overlapping tiles begin along an axis."""

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
