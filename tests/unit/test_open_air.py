"""Air that reaches into a specimen's outline, told from faint soft tissue of known place."""

import numpy as np
import pytest

from virtual_staining.artefacts.specimen import searched
from virtual_staining.artefacts.volume import open_volume_pyramid, write_volume_pyramid
from virtual_staining.imaging.tissue.open_air import open_air
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.stain.glass import find_glass
from virtual_staining.stain.specimen import find_specimen

VOXEL_UM = 40.0
SIZE = 60
SETTINGS, NORMALIZE = MaskSettings(), NormalizeSettings()
Z, Y, X = np.mgrid[:SIZE, :SIZE, :SIZE]
SOFT = 0.05  # of bone's level, as dry soft tissue has


def box(z, y, x):
    return (z[0] <= Z) & (z[1] > Z) & (y[0] <= Y) & (y[1] > Y) & (x[0] <= X) & (x[1] > X)


OUTLINE = box((10, 50), (10, 50), (10, 50))
NOTCH = box((10, 22), (10, 22), (10, 50))  # air along one edge of the outline
TISSUE = box((30, 50), (10, 30), (10, 30))  # soft tissue at another edge
MARROW = box((26, 46), (34, 44), (14, 46))  # and within
PORE = box((14, 24), (36, 46), (20, 30))  # air that bone closes in
BONE = OUTLINE & ~NOTCH & ~TISSUE & ~MARROW & ~PORE


def scan(noise=0.02, soft=SOFT):
    level = np.where(BONE, 1.0, np.where(TISSUE | MARROW, soft, 0.0))
    return (level + np.random.default_rng(0).normal(0, noise, level.shape)).astype(np.float32)


def found_in(level):
    return open_air(level, np.ones(level.shape, bool), OUTLINE, VOXEL_UM, SETTINGS.rigid_level)


def test_air_open_to_the_outside_is_found_and_soft_tissue_and_pores_are_not():
    found = found_in(scan())
    assert found[NOTCH].mean() > 0.95
    assert found[TISSUE].mean() < 0.03 and found[MARROW].mean() < 0.01
    assert not found[PORE].any()


def test_air_is_found_beside_wet_tissue_too():
    found = found_in(scan(soft=0.2))
    assert found[NOTCH].mean() > 0.95
    assert found[TISSUE].mean() < 0.03 and found[MARROW].mean() < 0.01


@pytest.mark.parametrize("level", [scan(noise=0.1, soft=0.02), scan(soft=0.0)])
def test_where_soft_tissue_is_no_brighter_than_noise_there_is_no_air(level):
    assert not found_in(level).any()


def test_a_dark_streak_through_soft_tissue_is_no_air():
    level = scan()
    streak = box((36, 42), (10, 30), (10, 30))
    level[streak] -= 0.2
    assert found_in(level)[streak].mean() < 0.1


def test_bone_keeps_its_edge_on_finer_voxels_in_any_layers(tmp_path):
    fine = np.kron(scan(noise=0.0), np.ones((4, 4, 4), np.float32))
    shaved = box((10, 22), (22, 23), (10, 50)).repeat(4, 0).repeat(4, 1).repeat(4, 2)
    shaved[:, 90:] = False  # half a coarse voxel of the notch's floor is gone
    fine[shaved] = 0
    noise = np.random.default_rng(0).normal(0, 0.02, fine.shape)
    raw = np.rint(10000 + 20000 * (fine + noise)).astype(np.uint16)
    write_volume_pyramid(tmp_path / "ct.ome.zarr", raw, VOXEL_UM / 4)
    levels = open_volume_pyramid(tmp_path / "ct.ome.zarr")
    copy = searched(levels, (1.0, 0.0), NORMALIZE)
    specimen = find_specimen(levels[0], copy, SETTINGS)
    outline = specimen.outline(copy.level.shape, copy.voxel_um)
    glass = find_glass(levels[0], (1.0, 0.0), copy, outline, SETTINGS, NORMALIZE)
    whole = glass.layer(40, 80)
    parts = [glass.layer(z, z + 8) for z in range(40, 80, 8)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    middle = whole[20, :, 60:180]
    assert middle[48:86].mean() > 0.95
    assert middle[88:89].mean() > 0.9, "air where the coarse voxel is dense by half"
    assert middle[91:120].mean() < 0.01, "bone"
