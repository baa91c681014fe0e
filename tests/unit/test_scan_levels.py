"""Levels of a whole scan against the phantom's, and what is asked for instead of guessed."""

from dataclasses import replace

import numpy as np
import pytest
from scan_phantom import BACKGROUND, LEVELS, SPAN, VOXEL_UM, make_scan
from scipy import ndimage

from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.modes import find_modes
from virtual_staining.imaging.tissue.scan_levels import name_modes
from virtual_staining.imaging.tissue.thin_bone import conserved_level
from virtual_staining.imaging.tissue.witnesses import Seen


def found(volume, measured=None, sections=None):
    scan = find_modes(volume, VOXEL_UM, measured)
    seen = None if sections is None else sections(len(scan.modes))
    return name_modes(scan, seen)


def seen_as(**kinds):
    """Sections that show a kind over each mode of a scan: ``clear=(0,), stained=(1, 2)``."""

    def sections(count):
        counts = {kind: np.zeros(count, int) for kind in ("clear", "opaque", "stained")}
        for kind, numbers in kinds.items():
            counts[kind][list(numbers)] = 1000
        return Seen(**counts)

    return sections


def level(grey):
    return (grey - BACKGROUND) / SPAN


@pytest.mark.parametrize("implant", ["", *LEVELS])
def test_levels_are_those_of_the_phantom(implant):
    levels = found(make_scan(implant))
    assert level(levels.background) == pytest.approx(0, abs=0.03)
    assert level(levels.bone) == pytest.approx(1, abs=0.03)
    assert levels.doubts == []
    if implant:
        assert level(levels.implant) == pytest.approx(LEVELS[implant], rel=0.03)
    else:
        assert levels.implant is None


def test_a_small_implant_of_nearly_bones_level_is_told_from_bone():
    """Beside the counts of much air it does not stand out, and dense matter is noisier."""
    grey = make_scan()
    z, y, x = np.indices(grey.shape)
    grey[(np.hypot(y - 36, x - 36) < 10) & (np.abs(z - 36) < 28)] = BACKGROUND + 1.17 * SPAN
    wide = (np.pad(grey, 24, constant_values=BACKGROUND) - BACKGROUND) / SPAN
    noise = 0.05 * np.random.default_rng(2).standard_normal(wide.shape) * (1 + 3 * (wide > 0.5))
    levels = found(BACKGROUND + SPAN * (wide + noise))
    assert level(levels.bone) == pytest.approx(1, abs=0.01)
    assert level(levels.implant) == pytest.approx(1.17, abs=0.01)


def test_a_metal_that_hardening_divides_is_one_implant():
    """The middle of a thick metal is fainter than its rim."""
    volume = make_scan("Ti")
    y, x = np.indices(volume.shape[1:])
    volume[8:64, np.hypot(y - 36, x - 36) < 9] -= 0.8 * SPAN
    levels = found(volume)
    assert level(levels.bone) == pytest.approx(1, abs=0.03)
    assert levels.names.count("implant") == 1


def test_a_medium_around_the_specimen_is_the_background():
    levels = found(make_scan("Ti", medium=0.2, soft=0.22))
    assert level(levels.background) == pytest.approx(0.2, abs=0.03)
    assert level(levels.bone) == pytest.approx(1, abs=0.03)


def test_what_was_not_measured_counts_for_nothing():
    volume = make_scan("PEEK")
    measured = np.ones(volume.shape, bool)
    measured[:, :8] = False
    volume[~measured] = 0
    levels = found(volume, measured)
    assert level(levels.background) == pytest.approx(0, abs=0.03)


def test_sections_tell_implant_from_bone():
    volume = make_scan("Mg-10Gd")
    modes = len(find_modes(volume, VOXEL_UM, None).modes)
    bright, next_one = modes - 1, modes - 2
    tissue = [k for k in range(1, modes) if k != bright]
    levels = found(volume, sections=seen_as(clear=(0,), opaque=(bright,), stained=tissue))
    assert level(levels.bone) == pytest.approx(1, abs=0.03)
    assert levels.names[bright] == "implant" and levels.names[next_one] == "bone"
    levels = found(volume, sections=seen_as(clear=(0,), stained=range(1, modes)))
    assert level(levels.bone) == pytest.approx(LEVELS["Mg-10Gd"], rel=0.03)


@pytest.mark.parametrize(("opaque", "doubts"), [(100, 0), (300, 1)])
def test_an_implant_as_grey_as_bone_is_doubted(opaque, doubts):
    def sections(count):
        clear, dark, stained = np.zeros((3, count), int)
        clear[0], dark[-1], stained[1:] = 1000, opaque, 1000 - opaque
        return Seen(clear=clear, opaque=dark, stained=stained)

    levels = found(make_scan(), sections=sections)
    said = [doubt for doubt in levels.doubts if "30% of what is taken for bone is opaque" in doubt]
    assert len(said) == doubts == len(levels.doubts)


def test_a_darkest_matter_that_is_stained_is_asked_for():
    volume = make_scan(inside=True, soft=0.15)
    with pytest.raises(InputError, match=r"darkest matter .* is stained .*draw Background"):
        found(volume, sections=lambda count: seen_as(stained=range(count))(count))
    pale = seen_as(clear=(0,), stained=(1,))
    for levels in (found(volume), found(volume, sections=pale)):
        assert any("may be marrow; draw Background" in doubt for doubt in levels.doubts)


def test_bone_that_the_voxels_hardly_show_is_doubted():
    levels = found(make_scan(thin=True))
    assert any("too thin" in doubt and "draw Bone" in doubt for doubt in levels.doubts)
    assert level(levels.bone) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("blur", [0.5, 0.8])
def test_bone_thinner_than_its_blur_has_the_level_that_its_signal_makes(blur):
    z, y, x = np.indices((60, 60, 60))
    bone = (x + y + z) % 24 < 4
    grey = ndimage.gaussian_filter(np.where(bone, 1.0, 0.1), blur)
    grey += 0.03 * np.random.default_rng(0).standard_normal(grey.shape)
    allowed = np.ones(grey.shape, bool)
    found = conserved_level(grey.astype(np.float32), allowed, 0.0, 0.8)
    assert found == pytest.approx(1, abs=0.03)
    assert conserved_level(grey.astype(np.float32), allowed & (x < 0), 0.0, 0.8) is None


def test_thin_bone_above_a_faint_implant_is_not_left_out_as_its_rim():
    volume = make_scan("PEEK", thin=True)
    modes = find_modes(volume, VOXEL_UM, None).modes
    opaque = int(np.argmin([abs(level(mode.grey) - LEVELS["PEEK"]) for mode in modes]))
    stained = [k for k in range(1, len(modes)) if k != opaque]
    levels = found(volume, sections=seen_as(clear=(0,), opaque=(opaque,), stained=stained))
    assert level(levels.bone) > 0.5 and any("draw Bone" in doubt for doubt in levels.doubts)


def test_sections_tell_the_level_of_bone_that_shares_a_mode_with_an_implant():
    def sections(count):
        clear, dark, stained = np.zeros((3, count), int)
        clear[0], dark[-1], stained[1:] = 1000, 400, 600
        greys = np.full(count, BACKGROUND + 0.9 * SPAN)
        return Seen(clear=clear, opaque=dark, stained=stained, stained_grey=greys)

    levels = found(make_scan(), sections=sections)
    assert level(levels.bone) == pytest.approx(0.9)
    assert any("stained pixels alone; draw Bone" in doubt for doubt in levels.doubts)


def test_air_that_shares_a_mode_with_marrow_is_measured_under_wide_glass():
    def sections(count):
        glass = np.full(200, BACKGROUND - 0.1 * SPAN)
        told = seen_as(clear=(0,), stained=range(count))(count)
        return replace(told, glass=glass)

    volume = make_scan(inside=True, soft=0.15)
    scan = find_modes(volume, VOXEL_UM, None)
    assert scan.modes[0].low < BACKGROUND - 0.1 * SPAN < scan.modes[0].high
    levels = found(volume, sections=sections)
    assert level(levels.background) == pytest.approx(-0.1)
    assert not any("draw Background" in doubt for doubt in levels.doubts)


def test_streaks_are_doubted_until_the_glass_settles_the_level():
    volume = make_scan()
    streaks = ndimage.gaussian_filter(np.random.default_rng(1).normal(0, 1, volume.shape), 5)
    volume += 0.03 * SPAN * streaks / streaks.std()
    asked = [doubt for doubt in found(volume).doubts if "open space" in doubt]
    assert len(asked) == 1 and "draw Background" in asked[0]
    for under_glass, doubts in ((0.0, 0), (0.05, 1)):
        glass = np.full(200, BACKGROUND + under_glass * SPAN)
        told = [
            replace(seen_as(clear=(0,), stained=range(1, count))(count), glass=glass)
            for count in (len(find_modes(volume, VOXEL_UM, None).modes),)
        ]
        levels = found(volume, sections=lambda _, told=told: told[0])
        assert sum("open space" in doubt for doubt in levels.doubts) == doubts


def scan_in_a_dark_holder():
    volume = make_scan("Ti", medium=0.3, soft=0.32)
    y, x = np.indices(volume.shape[1:])
    wall = np.abs(np.hypot(y - 35.5, x - 35.5) - 34) < 1.5
    volume[:, wall] = BACKGROUND + 0.1 * SPAN
    return volume


@pytest.mark.parametrize("beside", [False, True])
def test_a_holder_darker_than_the_medium_is_not_the_background(beside):
    volume = scan_in_a_dark_holder()
    scan = find_modes(volume, VOXEL_UM, None)
    assert level(scan.modes[0].grey) == pytest.approx(0.1, abs=0.05)
    dark = [k for k, mode in enumerate(scan.modes) if level(mode.grey) < 0.35]
    rest = [k for k in range(len(scan.modes)) if k not in dark]
    clear = dark[1:] if beside else dark  # a section may lie beside the holder
    levels = found(volume, sections=seen_as(clear=clear, stained=rest[:-1], opaque=rest[-1:]))
    assert level(levels.background) == pytest.approx(0.3, abs=0.03)
    assert level(levels.bone) == pytest.approx(1, abs=0.03)


def test_a_medium_that_tissue_shares_lies_under_the_wide_glass():
    """Resin: soft tissue and plastic are as bright, and what is darker is stained as well."""
    volume = scan_in_a_dark_holder()

    def sections(count):
        clear, opaque, stained = np.zeros((3, count), int)
        clear[:2], stained[:2], stained[2:-1], opaque[-1] = (100, 450), (900, 550), 1000, 1000
        glass = np.full(500, BACKGROUND + 0.3 * SPAN)
        return Seen(clear=clear, opaque=opaque, stained=stained, glass=glass)

    levels = found(volume, sections=sections)
    assert level(levels.background) == pytest.approx(0.3, abs=0.03)
    with pytest.raises(InputError, match="is stained"):
        found(volume, sections=lambda count: replace(sections(count), glass=np.empty(0)))


def test_one_material_is_refused():
    noise = np.random.default_rng(0).normal(BACKGROUND, 500, (30, 30, 30))
    with pytest.raises(InputError, match="one material alone"):
        found(noise)
