"""Where tiles begin: both rules cover the axis."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from virtual_staining.imaging.tile_starts import tile_starts

AXIS = {"length": st.integers(32, 1500), "tile": st.integers(32, 256), "step": st.integers(1, 300)}


@given(**AXIS)
def test_even_tiles_cover_the_axis_at_most_a_step_apart(length, tile, step):
    tile = min(tile, length)
    starts = tile_starts(length, tile, step, even=True)
    assert (starts[0], starts[-1]) == (0, length - tile)
    distances = np.diff(starts)
    assert max(distances, default=0) <= step + 1  # rounding to whole pixels
    assert np.ptp(distances) <= 1 if len(distances) else True


@given(**AXIS)
def test_tiles_are_a_step_apart_and_the_last_is_flush(length, tile, step):
    tile = min(tile, length)
    starts = tile_starts(length, tile, step)
    assert (starts[0], starts[-1]) == (0, length - tile)
    assert set(np.diff(starts)[:-1].tolist()) <= {step}


def test_tiles_of_a_multiple_do_not_overlap():
    for even in (False, True):
        assert tile_starts(768, 256, 256, even=even) == [0, 256, 512]
        assert tile_starts(256, 256, 256, even=even) == [0]
