"""Turned grids: the planes that pairs are made of, and the way back."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from virtual_staining.imaging.ct_plane import ct_plane, thickness_offsets
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.turned_grid import planes_across, sample

SHAPE = (40, 50, 60)
VOXEL_UM = 5.0


def turned(seed):
    """Return a frame near the volume's middle, turned in any way."""
    rng = np.random.default_rng(seed)
    u, v, _ = Rotation.random(rng=rng).as_matrix()
    return SectionMap(rng.uniform(80, 160, 3), u, v)


@pytest.mark.parametrize("thickness_um", [0.0, 22.0])
def test_planes_are_those_of_the_pairs(thickness_um, monkeypatch):
    monkeypatch.setattr("virtual_staining.imaging.turned_grid.TILE_PX", 37)
    volume = np.random.default_rng(0).integers(0, 65536, SHAPE).astype(np.uint16)
    frame = turned(1)
    grid = planes_across(frame, VOXEL_UM, SHAPE)
    shifts = thickness_offsets(thickness_um, VOXEL_UM)[:, None] / VOXEL_UM * grid.steps[0]
    found = sample(volume[None], grid, shifts)[0]
    for k in range(0, len(found), 11):
        corner = (grid.first + k * grid.steps[0] - (grid.steps[1] + grid.steps[2]) / 2 + 0.5)[::-1]
        place = SectionMap(corner * VOXEL_UM, frame.u, frame.v)
        expected = ct_plane(volume, VOXEL_UM, place, grid.shape[1:], VOXEL_UM, thickness_um)
        np.testing.assert_allclose(found[k], expected, atol=1)


@pytest.mark.parametrize("seed", range(5))
def test_every_voxel_lies_between_eight_points_and_the_section_is_a_plane(seed):
    frame = turned(seed)
    grid = planes_across(frame, VOXEL_UM, SHAPE)
    places = grid.seen_from(SHAPE).points()
    assert places.min() > -1e-5 and (places.max((0, 1, 2)) < np.array(grid.shape) - 1 + 1e-5).all()
    assert places.min((0, 1, 2)).max() < 1  # and no plane, row or column too many
    first_pixel = frame.origin_um + VOXEL_UM / 2 * (frame.u + frame.v)
    index = (first_pixel[::-1] / VOXEL_UM - 0.5 - grid.first) @ grid.steps.T
    np.testing.assert_allclose(index, np.rint(index), atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_there_and_back_keeps_what_is_linear(seed):
    z, y, x = np.indices(SHAPE, dtype=np.float32)
    volume = np.stack([100 + 2 * z + 3 * y - x, 50 + x])
    grid = planes_across(turned(seed), VOXEL_UM, SHAPE)
    there = sample(volume, grid)
    back = sample(there, grid.seen_from(SHAPE))
    deep = (slice(None), *(slice(3, -3),) * 3)  # beside the border the grid holds repeated voxels
    np.testing.assert_allclose(back[deep], volume[deep], atol=0.01)
    low, high = (5, 7, 0), (12, 20, 9)
    part = sample(there, grid.seen_from(SHAPE).part(low, high))
    np.testing.assert_array_equal(part, back[:, 5:12, 7:20, 0:9])


def test_a_section_along_the_slices_gives_the_slices():
    volume = np.random.default_rng(0).integers(0, 256, (1, *SHAPE)).astype(np.uint8)
    frame = SectionMap(np.array([0, 0, 22.5]), *np.eye(3)[:2])
    grid = planes_across(frame, VOXEL_UM, SHAPE)
    assert grid.shape == SHAPE
    np.testing.assert_allclose(sample(volume, grid), volume, atol=1e-3)
