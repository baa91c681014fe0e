"""Which modes are implants by their shapes alone, and what is unsure."""

from virtual_staining.imaging.tissue.implant_modes import implant_modes
from virtual_staining.imaging.tissue.mode import Mode


def mode(grey, solid, compact, spread_um, depth_um=600.0):
    return Mode(grey, grey - 0.05, grey + 0.05, 0.1, depth_um, solid, compact, spread_um)


AIR = mode(0.0, 0.97, 0.6, 3300.0, 1600.0)
SOFT = mode(0.06, 0.26, 0.41, 2520.0, 480.0)
BONE = mode(1.0, 0.87, 0.58, 2170.0)


def implants_of(*modes):
    return implant_modes(list(modes), list(range(1, len(modes))), AIR.grey, None)


def test_soft_tissue_around_bone_makes_the_bone_no_implant():
    for bone in (BONE, mode(1.0, 0.6, 0.5, 2066.0), mode(1.0, 0.96, 0.84, 1940.0)):
        assert implants_of(AIR, SOFT, bone) == ([], True)


def test_bone_is_looked_for_among_what_may_be_bone():
    magnesium = mode(0.68, 0.21, 0.6, 1880.0)
    assert implants_of(AIR, mode(0.05, 0.26, 0.48, 2760.0), magnesium, BONE) == ([2], True)


def test_bone_surrounds_its_implant():
    assert implants_of(AIR, SOFT, BONE, mode(7.5, 0.98, 0.72, 1450.0)) == ([3], True)
    assert implants_of(AIR, mode(0.16, 0.32, 0.61, 1906.0), BONE) == ([1], True)
    # neither clearly narrower nor wider, and of an implant's shape
    assert implants_of(AIR, mode(0.7, 0.5, 0.5, 2200.0), BONE) == ([], False)


def test_a_heavy_metal_beside_which_bone_is_faint_is_unsure():
    steel = mode(20.0, 0.98, 0.72, 1450.0)
    assert implants_of(AIR, BONE, steel) == ([2], False)
