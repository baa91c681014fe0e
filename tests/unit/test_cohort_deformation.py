"""Distortion and bend of sections: their sizes, their smoothness, and where points go."""

import json

import numpy as np
import pytest

from virtual_staining.cohort.deformation import Deformation, draw_deformation, surface_points
from virtual_staining.imaging.geometry import pose_to_map

WHOLE_UM = (6000.0, 6000.0)
PLANE = pose_to_map([3000.0, 3100, 2900], [1, 2, 0.3], [0.1, 0.2, 1], WHOLE_UM)
GRID_UM = np.linspace(0, 6000, 121)


def drawn(seed, size_um=WHOLE_UM):
    return draw_deformation(size_um, WHOLE_UM, (10.0, 20.0), 10.0, (1, seed))


def test_sizes_lie_in_their_ranges():
    for seed in range(12):
        x, y, normal = drawn(seed).at(GRID_UM, GRID_UM)
        assert 9.5 < np.sqrt((x**2 + y**2).mean()) < 20.5
        assert 4.5 < np.abs(normal).max() < 10.5


def test_local_strain_is_small_and_smooth():
    """Bone breaks at strains of a few per cent."""
    for seed in range(4):
        displacement = drawn(seed).at(GRID_UM, GRID_UM)[:2]
        strain = np.stack(np.gradient(displacement, GRID_UM[1], axis=(1, 2)))
        assert 0.002 < strain.std() < 0.02 and np.abs(strain).max() < 0.08


@pytest.mark.parametrize("size_um", [WHOLE_UM, (2500.0, 4500.0)])
def test_nothing_of_it_is_an_affine_map(size_um):
    y_um, x_um = (np.linspace(0, s, 41) for s in size_um[::-1])
    values = drawn(3, size_um).at(y_um, x_um).reshape(3, -1)
    y, x = (p.ravel() for p in np.meshgrid(y_um, x_um, indexing="ij"))
    terms = np.stack([x, y, np.ones_like(x)], 1)
    left = values.T - terms @ np.linalg.lstsq(terms, values.T, rcond=None)[0]
    assert np.allclose(left, values.T, atol=0.05)
    assert np.abs(values).max() > 1


def test_surface_points_are_the_planes_moved_by_the_deformation():
    deformation = Deformation.from_dict(json.loads(json.dumps(drawn(5).to_dict(WHOLE_UM))))
    y_um, x_um = np.array([300.0, 2000]), np.array([100.0, 4000, 5500])
    moved = surface_points(PLANE, deformation, y_um, x_um, depth_um=12.0)
    shift = deformation.at(y_um, x_um)
    for i, y in enumerate(y_um):
        for j, x in enumerate(x_um):
            along_x, along_y, normal = shift[:, i, j]
            expected = PLANE.to_volume([[x + along_x, y + along_y]])[0]
            expected = expected + (12 + normal) * PLANE.normal
            assert moved[:, i, j] == pytest.approx(expected, abs=0.01)
    flat = surface_points(PLANE, None, y_um, x_um)
    assert flat[:, 1, 2] == pytest.approx(PLANE.to_volume([[5500, 2000]])[0], abs=0.01)
