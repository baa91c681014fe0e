"""Halving against a plain mean; the last voxel of an odd axis counts twice."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from virtual_staining.imaging.halving import halve, halve_into


def by_hand(block):
    """Mean of 2 x 2 x 2 voxels, half a level rounded up."""
    padded = np.pad(block, [(0, 0), *((0, n % 2) for n in block.shape[1:])], mode="edge")
    c, z, y, x = padded.shape
    sums = padded.reshape(c, z // 2, 2, y // 2, 2, x // 2, 2).sum((2, 4, 6), dtype=np.int64)
    return (sums + 4) // 8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 4, 6, 8), (3, 5, 7, 9), (2, 1, 131, 3), (1, 1, 1, 1)])
def test_blocks_are_halved_by_their_means(dtype, shape):
    block = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape).astype(dtype)
    halved = halve(block)
    assert halved.dtype == dtype
    np.testing.assert_array_equal(halved, by_hand(block))
    out = np.empty_like(halved)
    with ThreadPoolExecutor(2) as pool:
        halve_into(block, out, pool)
    np.testing.assert_array_equal(out, halved)


def test_images_with_channels_last_are_halved_as_views():
    image = np.random.default_rng(1).integers(0, 256, (9, 6, 3), dtype=np.uint8)
    channels = np.moveaxis(image, -1, 0)[:, None]
    np.testing.assert_array_equal(halve(channels), by_hand(np.ascontiguousarray(channels)))


def test_whole_range_does_not_overflow():
    assert (halve(np.full((1, 2, 2, 2), 65535, np.uint16)) == 65535).all()
