"""Overlapping tiles: coverage, mean and spread against a plain calculation."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from virtual_staining.imaging.tile_starts import tile_starts
from virtual_staining.imaging.tiles import stain_plane


def by_hand(generator, image, patch, step):
    """Mean and standard deviation over tiles, from a list of all values of each pixel."""
    _, height, width = image.shape
    values = {}
    for y in tile_starts(height, patch, step):
        for x in tile_starts(width, patch, step):
            tile = generator(torch.from_numpy(image[None, :, y : y + patch, x : x + patch]))[0]
            for i in range(patch):
                for j in range(patch):
                    values.setdefault((y + i, x + j), []).append(tile[:, i, j].numpy())
    mean = np.zeros((len(tile), height, width))
    spread = np.zeros((height, width))
    for (i, j), list_of in values.items():
        mean[:, i, j] = np.mean(list_of, axis=0)
        spread[i, j] = np.std(list_of, axis=0).mean()
    return mean, spread


def position_dependent(tiles):
    """A generator whose answer depends on where in the tile a pixel lies."""
    ramp = torch.linspace(-0.5, 0.5, tiles.shape[-1])
    return torch.cat([tiles * 0.5 + ramp, tiles * 0.3 - ramp[:, None]], dim=1)


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 23), st.integers(8, 23), st.integers(1, 8), st.integers(1, 5))
def test_mean_and_spread_equal_the_plain_calculation(height, width, step, batch):
    image = np.random.default_rng(0).uniform(-1, 1, (1, height, width)).astype(np.float32)
    mean, spread = stain_plane(position_dependent, image, 8, step, batch, "cpu")
    expected_mean, expected_spread = by_hand(position_dependent, image, 8, step)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-5)
    np.testing.assert_allclose(spread.mean(0), expected_spread, atol=1e-3)


@given(st.integers(4, 500), st.integers(1, 4))
def test_tiles_cover_the_axis_and_end_at_its_edge(length, step):
    starts = tile_starts(length, 4, step)
    assert starts[0] == 0
    assert starts[-1] == length - 4
    assert all(0 < b - a <= step for a, b in itertools.pairwise(starts))


@pytest.mark.parametrize("shape", [(1, 1), (1, 20), (5, 40), (7, 3), (16, 15)])
def test_small_planes_are_reflected_and_cropped(shape):
    image = np.random.default_rng(1).uniform(-1, 1, (3, *shape)).astype(np.float32)
    mean, spread = stain_plane(lambda tiles: tiles, image, 16, 8, 4, "cpu")
    np.testing.assert_allclose(mean, image, atol=1e-6)
    assert spread.shape == (3, *shape)
    assert spread.max() < 1e-3


def test_bad_sizes_are_refused():
    image = np.zeros((1, 8, 8), np.float32)
    with pytest.raises(ValueError, match="step_px"):
        stain_plane(lambda tiles: tiles, image, 8, 9, 1, "cpu")
    with pytest.raises(ValueError, match="shape"):
        stain_plane(lambda tiles: tiles, image[0], 8, 4, 1, "cpu")
