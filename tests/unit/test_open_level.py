"""Air beside marrow that noise merges with it."""

import numpy as np
import pytest
from scipy import ndimage

from virtual_staining.imaging.tissue.open_level import open_space

VOXEL_UM, SIZE = 25.0, 60
EVERYWHERE = np.ones((SIZE,) * 3, bool)


def smoothed(level, noise=0.1):
    grains = np.random.default_rng(0).normal(0, noise, level.shape)
    return ndimage.gaussian_filter((level + grains).astype(np.float32), 1.0)


@pytest.fixture
def level():
    """Air in a corner of a field full of marrow."""
    level = np.full((SIZE,) * 3, 0.04)
    level[:, :20, :30] = 0
    return level


def test_little_air_is_told_from_marrow(level):
    smooth = smoothed(level)
    noise = float(smooth[:, 30:].std())
    assert noise > 0.3 * 0.04  # so that the histogram shows one mode
    assert open_space(smooth, EVERYWHERE, 0.04, noise, VOXEL_UM).darkest == pytest.approx(
        0, abs=0.006
    )


def test_air_alone_has_one_level():
    smooth = smoothed(np.zeros((SIZE,) * 3))
    space = open_space(smooth, EVERYWHERE, 0.0, float(smooth.std()), VOXEL_UM)
    assert space.darkest is None and space.spread < 0.01


def test_streaks_spread_the_level():
    streaks = np.broadcast_to(0.05 * np.sin(np.arange(SIZE) / 8), (SIZE,) * 3)
    space = open_space(smoothed(streaks, 0.05), EVERYWHERE, 0.05, 0.02, VOXEL_UM)
    assert space.spread > 0.03


def test_pores_are_no_open_space():
    level = np.where(np.indices((SIZE,) * 3).sum(0) % 6 < 3, 0.0, 1.0)
    assert open_space(smoothed(level), EVERYWHERE, 0.0, 0.01, VOXEL_UM).darkest is None
