"""The section's colour where the CT leaves open what is bone."""

import numpy as np
import pytest
from scipy import ndimage

from virtual_staining.imaging.tissue.section_colour import rigid_by_colour

SHAPE = (120, 120)
NOTHING, EVERYWHERE = np.zeros(SHAPE, bool), np.ones(SHAPE, bool)


@pytest.fixture
def bone():
    """Half the plane, and trabeculae a pixel wide in the other half."""
    bone = NOTHING.copy()
    bone[:, :50] = True
    bone[:, 60::8] = True
    return bone


def stained(bone, colours):
    rng = np.random.default_rng(0)
    rgb = np.where(bone[..., None], *colours) + 4 * rng.standard_normal((*SHAPE, 3))
    return np.clip(rgb, 0, 255).astype(np.uint8)


def test_trabeculae_that_the_ct_blurs_away_are_found_by_colour(bone):
    level = ndimage.gaussian_filter(np.where(bone, 1.0, 0.05), 1.0)
    by_ct = level > 0.5
    told = rigid_by_colour(
        stained(bone, ((176, 146, 194), (196, 200, 222))), level, by_ct, EVERYWHERE, NOTHING, 0.25
    )
    assert (by_ct != bone).mean() > 0.05
    assert (told != bone).mean() < 0.01


def test_bone_and_soft_tissue_of_one_colour_are_told_by_the_ct_alone(bone):
    level = ndimage.gaussian_filter(np.where(bone, 1.0, 0.05), 1.0)
    told = rigid_by_colour(
        stained(bone, ((180, 180, 200), (180, 180, 200))), level, level > 0.5, EVERYWHERE, NOTHING,
        0.25,
    )  # fmt: skip
    np.testing.assert_array_equal(told, level > 0.5)


def test_soft_tissue_that_metal_brightens_is_none_of_bone(bone):
    metal = NOTHING.copy()
    metal[50:70, 90:110] = True
    bone = bone & ~ndimage.binary_dilation(metal, iterations=6)
    level = ndimage.gaussian_filter(np.where(metal, 8.0, np.where(bone, 1.0, 0.05)), 1.0)
    slide = stained(bone, ((176, 146, 194), (196, 200, 222)))
    told = rigid_by_colour(slide, level, level > 0.5, ~metal, metal, 0.25)
    beside = ndimage.binary_dilation(metal, iterations=3) & ~ndimage.binary_dilation(metal)
    assert (level > 0.5)[beside].mean() > 0.3
    assert told[beside].mean() < 0.02
