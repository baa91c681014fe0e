"""Resampling of the pair, its crop and its mask."""

import numpy as np
import pytest

from virtual_staining.imaging.ct_plane import ct_plane, measured_plane
from virtual_staining.imaging.geometry import SectionMap, pose_to_map
from virtual_staining.register.result.pair_grid import PairGrid, common_grid, compose, valid_mask
from virtual_staining.register.result.pair_images import resample_slide

AXIAL = (np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))


class Watched:
    """An array that remembers how much of it was read."""

    def __init__(self, array):
        self.array, self.shape, self.read = array, array.shape, 0

    def __getitem__(self, key):
        block = self.array[key]
        self.read += block.size
        return block


def sampled(volume, voxel_um, grid, thickness_um):
    """The CT on the grid's pixels."""
    return ct_plane(volume, voxel_um, grid.to_volume, grid.shape, grid.pixel_um, thickness_um)


def test_ct_at_voxel_centres_is_the_voxel():
    volume = np.random.default_rng(0).integers(0, 65535, (5, 40, 30), dtype=np.uint16)
    grid = PairGrid((40, 30), 10.0, SectionMap(np.array([0, 0, 25.0]), *AXIAL))
    np.testing.assert_array_equal(sampled(volume, 10.0, grid, 0.0), volume[2])


def test_ct_is_averaged_through_the_thickness():
    volume = np.random.default_rng(0).integers(0, 65535, (8, 20, 30), dtype=np.uint16)
    grid = PairGrid((20, 30), 10.0, SectionMap(np.array([0, 0, 40.0]), *AXIAL))
    plane = sampled(volume, 10.0, grid, 40.0)
    np.testing.assert_allclose(plane, volume[2:6].mean(0), atol=0.51)


def test_ct_of_a_linear_volume_is_exact_on_an_oblique_plane():
    z, y, x = np.indices((60, 60, 60))
    volume = (1000 + 50 * x + 80 * y + 120 * z).astype(np.uint16)
    u, v = np.array([0.8, 0.36, 0.48]), np.array([-0.6, 0.48, 0.64])
    section = pose_to_map([300.0, 300, 300], u, v, (200.0, 300.0))
    grid = PairGrid((30, 20), 10.0, section)
    points = section.to_volume(grid.centers_um()) / 10 - 0.5
    expected = (1000 + points @ [50, 80, 120]).reshape(30, 20)
    np.testing.assert_allclose(sampled(volume, 10.0, grid, 40.0), expected, atol=0.51)


def test_only_blocks_touched_by_the_plane_are_read():
    volume = Watched(np.zeros((400, 400, 400), np.uint16))
    u, v = np.array([1.0, 0, 0]), np.array([0, np.cos(0.3), np.sin(0.3)])
    grid = PairGrid((380, 380), 1.0, pose_to_map([200.0, 200, 200], u, v, (380.0, 380.0)))
    sampled(volume, 1.0, grid, 0.0)
    assert volume.read < 0.15 * volume.array.size


def test_compose_goes_through_the_volume():
    frame = pose_to_map([500.0, 400, 300], [1, 1, 0], [0, 0, 1], (300.0, 200.0))
    stretched = SectionMap(frame.to_volume([[20, -30]])[0], 1.02 * frame.u,
                           0.98 * frame.v + 0.01 * frame.u)  # fmt: skip
    matrix = compose(frame, stretched)
    points = np.array([[10.0, 20], [150, 90]])
    in_slide = points @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(stretched.to_volume(in_slide), frame.to_volume(points), atol=1e-9)


def test_slide_is_averaged_over_each_pair_pixel():
    slide = np.random.default_rng(1).integers(0, 255, (120, 90, 3), dtype=np.uint8)
    grid = PairGrid((40, 30), 30.0, SectionMap(np.zeros(3), *AXIAL))
    out = resample_slide(slide, 10.0, np.array([[1.0, 0, 0], [0, 1, 0]]), grid, (0, 0, 0))
    expected = slide.reshape(40, 3, 30, 3, 3).mean((1, 3))
    np.testing.assert_allclose(out, expected, atol=1)


def test_slide_moves_by_the_affine_and_fills_the_outside():
    slide = np.zeros((300, 400, 3), np.uint8)
    slide[:, 200:] = 100  # an edge at x = 2000 µm of the slide
    grid = PairGrid((200, 300), 10.0, SectionMap(np.zeros(3), *AXIAL))
    matrix = np.array([[1.25, 0, 500.0], [0, 1.25, 1000]])  # pair x 1200 µm -> slide 2000 µm
    out = resample_slide(slide, 10.0, matrix, grid, (7, 8, 9))
    assert out[50, 117, 0] < 10
    assert out[50, 122, 0] > 90
    np.testing.assert_array_equal(out[-5, 5], [7, 8, 9])  # slide y > 3000 µm
    assert out[150, 5].tolist() == [0, 0, 0]


def test_common_grid_is_the_overlap_and_valid_marks_it():
    volume_size = (1000.0, 800.0, 600.0)
    slide_size = (900.0, 900.0)
    section = SectionMap(np.array([300.0, -200, 250]), *AXIAL)
    grid = common_grid(section, section, slide_size, volume_size, 10.0)
    assert grid.shape == (70, 70)  # x 300–1000, y 0–700
    np.testing.assert_allclose(grid.to_volume.origin_um, [300, 0, 250])
    assert valid_mask(grid, compose(grid.to_volume, section), slide_size, volume_size).all()


def test_valid_marks_the_corners_that_a_turned_plane_loses():
    volume_size = (1000.0, 1000.0, 1000.0)
    slide_size = (1000.0, 1000.0)
    section = pose_to_map([500.0, 500, 500], [1, 1, 0], [-1, 1, 0], slide_size)
    grid = common_grid(section, section, slide_size, volume_size, 10.0)
    valid = valid_mask(grid, compose(grid.to_volume, section), slide_size, volume_size)
    assert grid.shape == (100, 100)
    assert not valid[0, 0]
    assert not valid[-1, 0]
    assert valid[50, 50]
    octagon = 2 * np.sqrt(2) - 2  # of the unit square with itself turned by 45°
    assert valid.mean() == pytest.approx(octagon, abs=0.01)


@pytest.mark.parametrize("center", [[500.0, 500, 5000], [5000.0, 500, 500]])
def test_no_common_field_gives_no_grid(center):
    section = pose_to_map(center, *AXIAL, (500.0, 500.0))
    assert common_grid(section, section, (500.0, 500.0), (1000.0, 1000, 1000), 10.0) is None


def test_a_pixel_is_measured_where_all_voxels_that_it_comes_from_are():
    measured = np.ones((8, 20, 30), np.uint8)
    measured[:, :, 20:] = 0
    measured[2, 5, 5] = 0
    grid = PairGrid((20, 30), 10.0, SectionMap(np.array([0, 0, 40.0]), *AXIAL))
    place = (10.0, grid.to_volume, grid.shape, grid.pixel_um)
    found = measured_plane(measured, *place, 40.0)
    expected = np.ones((20, 30), bool)
    expected[:, 20:] = expected[5, 5] = False
    np.testing.assert_array_equal(found, expected)
    assert measured_plane(measured, *place, 10.0)[5, 5]  # a thin section does not reach the gap
