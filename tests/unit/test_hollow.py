"""A hollow that an implant as bright as the medium may fill."""

import numpy as np
import pytest

from virtual_staining.imaging.tissue.hollow import hollow_um

VOXEL_UM, SIZE, RIGID = 40.0, 80, 0.37
Z, Y, X = np.mgrid[:SIZE, :SIZE, :SIZE] - SIZE // 2
OUTLINE = (np.hypot(Y, X) < 34) & (np.abs(Z) < 34)
NOISE = np.random.default_rng(0).normal(0, 0.05, OUTLINE.shape)


def found(filling, radius):
    level = np.where(OUTLINE, 1.0, 0.0)
    level[(np.hypot(Y, X) < radius) & (Z < 20)] = filling
    return hollow_um((level + NOISE).astype(np.float32), OUTLINE, VOXEL_UM, RIGID)


def test_a_hollow_as_thick_as_an_implant_is_found_with_its_width():
    assert found(0.02, 16) == pytest.approx(2 * 16 * VOXEL_UM, rel=0.15)


@pytest.mark.parametrize(("filling", "radius"), [(0.2, 16), (1.0, 16), (0.0, 6)])
def test_an_implant_that_shows_and_a_narrow_pore_are_none(filling, radius):
    assert found(filling, radius) is None
