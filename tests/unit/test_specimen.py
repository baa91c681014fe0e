"""The specimen in small volumes whose bodies are known, with and without a holder."""

import numpy as np
import pytest

from virtual_staining.artefacts.specimen import bone_level, specimen_of_volume
from virtual_staining.artefacts.volume import open_volume_pyramid, write_volume_pyramid
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap
from virtual_staining.imaging.tissue.holder import find_bore
from virtual_staining.imaging.tissue.specimen import find_specimen
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

VOXEL_UM = 50.0
SIZE = 80  # 4 mm
SETTINGS = MaskSettings()
Z, Y, X = np.mgrid[:SIZE, :SIZE, :SIZE]
PLASTIC, GLASS = 0.15, 0.95


def scan(bone, wall=None, radius=34, thickness=5, centre=(40, 40), seed=0):
    """Levels of a scan: bone, the wall of a round holder along z, and noise."""
    level = np.where(bone, 1.0, 0.0)
    if wall is not None:
        distance = np.hypot(Y - centre[0], X - centre[1])
        level[(distance >= radius) & (distance < radius + thickness) & ~bone] = wall
    noise = np.random.default_rng(seed).normal(0, 0.02, level.shape)
    return (level + noise).astype(np.float32)


def block(z=(15, 65), y=(25, 55), x=(25, 55)):
    return (z[0] <= Z) & (z[1] > Z) & (y[0] <= Y) & (y[1] > Y) & (x[0] <= X) & (x[1] > X)


def found_in(level, measured=None, settings=SETTINGS):
    measured = np.ones(level.shape, bool) if measured is None else measured
    return find_specimen(level, measured, VOXEL_UM, settings)


def cut_at(specimen, z=40, shape=(SIZE, SIZE)):
    """Pieces in a slice."""
    origin = np.array([0, 0, (z + 0.5) * VOXEL_UM])
    plane = SectionMap(origin, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
    return specimen.cut(PlaneGrid(shape, VOXEL_UM, plane))


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_a_body_is_cut_where_a_plane_meets_it_and_nowhere_else():
    specimen = found_in(scan(block()))
    (piece,) = cut_at(specimen)
    assert dice(piece, block()[40]) > 0.96
    assert cut_at(specimen, z=5) == []
    # obliquely: 45° about y through the middle, with pixels of half a voxel
    u = np.array([np.sqrt(0.5), 0, np.sqrt(0.5)])
    middle = np.full(3, 40 * VOXEL_UM)
    plane = SectionMap(middle - 1000 * u - np.array([0, 1000.0, 0]), u, np.array([0, 1.0, 0]))
    (piece,) = specimen.cut(PlaneGrid((80, 80), 25.0, plane))
    assert piece.sum() * 25.0**2 == pytest.approx(1500 * 2000, rel=0.06)  # the field ends at 2 mm


def test_a_hollow_body_is_whole_and_holds_its_margin():
    bone = block() & ~block((20, 60), (30, 50), (30, 50))
    (piece,) = cut_at(found_in(scan(bone), settings=MaskSettings(margin_um=200)))
    rows = np.flatnonzero(piece[:, 40])
    assert abs(rows[0] - (25 - 4)) <= 1 and abs(rows[-1] - (54 + 4)) <= 1


@pytest.mark.parametrize("level", [PLASTIC, GLASS])
@pytest.mark.parametrize("place", ["loose", "touching"])
def test_a_round_holder_is_no_specimen(level, place):
    bone = block(y=(25, 55), x=(25, 55) if place == "loose" else (25, 73))
    inside = np.hypot(Y - 40, X - 40) < 34
    bone &= inside
    volume = scan(bone, level)
    bore = find_bore(volume, np.ones(volume.shape, bool), VOXEL_UM)
    assert bore is not None and bore.axis == 0
    assert np.polyval(bore.radius_um, 2000) == pytest.approx(34 * VOXEL_UM, abs=VOXEL_UM)
    assert bore.wall_um == pytest.approx(5 * VOXEL_UM, abs=2.5 * VOXEL_UM)  # blurred
    (piece,) = cut_at(found_in(volume))
    assert dice(piece, bone[40]) > 0.95
    assert not piece[np.hypot(Y[0] - 40, X[0] - 40) > 37].any()


def test_a_holder_whose_corners_alone_are_in_the_field():
    volume = scan(block(), GLASS, radius=46, thickness=5)
    assert find_bore(volume, np.ones(volume.shape, bool), VOXEL_UM) is not None
    (piece,) = cut_at(found_in(volume))
    assert dice(piece, block()[40]) > 0.96


def test_a_holder_along_another_axis_tilted():
    distance = np.hypot(Z - 40, Y - 38 - 0.06 * X)
    volume = scan(block((30, 50), (30, 50), (10, 70)))
    volume[(distance > 30) & (distance < 36)] += PLASTIC
    bore = find_bore(volume, np.ones(volume.shape, bool), VOXEL_UM)
    assert bore is not None and bore.axis == 2
    assert bore.centre_um[1, 0] == pytest.approx(0.06, abs=0.02)


def test_without_a_holder_none_is_found():
    trabeculae = block() & ((X + Y) % 12 < 4)
    shell = block((0, 80), (20, 60), (15, 66)) & ~block((0, 80), (26, 54), (21, 58))
    for bone in (block(), trabeculae, shell, block((0, 80), (0, 40), (0, 40))):
        assert find_bore(scan(bone), np.ones(bone.shape, bool), VOXEL_UM) is None


def test_what_the_fields_edge_cuts_stays_whole():
    """A thin plate leaves the field beside a large block; both belong together in depth."""
    bone = block((0, 80), (0, 40), (0, 40)) | block((30, 50), (36, 40), (40, 80))
    (piece,) = cut_at(found_in(scan(bone)))
    assert piece[bone[40]].mean() > 0.99 and piece[0, 0] and piece[38, 79]
    bone = block((30, 50), (20, 60), (10, 60)) | block((0, 80), (0, 80), (76, 80))
    (piece,) = cut_at(found_in(scan(bone)))
    assert not piece[:, 74:].any(), "a flat wall apart from the specimen"


def test_two_pieces_stay_two():
    bone = block(x=(10, 35)) | block(x=(47, 70))
    pieces = cut_at(found_in(scan(bone, PLASTIC)))
    assert len(pieces) == 2
    assert dice(pieces[0] | pieces[1], bone[40]) > 0.95 and not pieces[0][:, 38:].any()
    near = block(x=(10, 35)) | block(x=(39, 70))  # 200 µm: trabeculae stand so
    assert len(cut_at(found_in(scan(near)))) == 1


def test_what_was_not_measured_and_dust_are_no_specimen():
    measured = np.hypot(Y - 40, X - 40) < 30
    volume = scan(block())
    volume[~measured] = 3.0
    volume[40, 40, 8] = 3.0  # dust
    (piece,) = cut_at(found_in(np.where(measured, volume, 0), measured))
    assert dice(piece, block()[40]) > 0.96


@pytest.mark.parametrize("level", [0.11, 0.18, 0.27])
def test_a_faint_implant_belongs_to_the_specimen_and_a_medium_does_not(level):
    rod = (np.hypot(Y - 40, X - 40) < 15) & (Z > 5) & (Z < 75)
    bone = block((25, 55), (20, 60), (20, 60)) & ~rod & ((X + Y + Z) % 9 < 4)
    volume = scan(bone) + np.where(rod & ~bone, level, 0)
    (piece,) = cut_at(found_in(volume.astype(np.float32)), z=70)
    assert piece[rod[70]].mean() > 0.98
    medium = scan(bone) + np.where(bone, 0, level)
    assert cut_at(found_in(medium.astype(np.float32)), z=65) == []


def test_lumps_of_wet_tissue_are_no_implant():
    lumps = [(np.hypot(np.hypot(Z - z, Y - y), X - 40) < 9) for z, y in ((12, 25), (66, 52))]
    bone = block((30, 50), (20, 60), (20, 60))
    volume = scan(bone) + 0.25 * (lumps[0] | lumps[1])
    assert cut_at(found_in(volume.astype(np.float32)), z=10) == []


def test_nothing_rigid_is_no_specimen():
    assert found_in(scan(np.zeros((SIZE,) * 3, bool))).bodies == ()


def test_a_plane_is_a_volume_of_one_slice():
    bone = block()[40]
    level = scan(block())[40:41]
    specimen = find_specimen(level, np.ones(level.shape, bool), VOXEL_UM, SETTINGS)
    (piece,) = cut_at(specimen, z=0)
    assert dice(piece, bone) > 0.94


def test_a_volumes_specimen_is_found_at_its_own_grey_levels(tmp_path):
    normalize = NormalizeSettings()
    raw = np.clip(2000 + 8000 * scan(block(), PLASTIC), 0, 65535).astype(np.uint16)
    write_volume_pyramid(tmp_path / "ct.ome.zarr", raw, VOXEL_UM)
    levels = open_volume_pyramid(tmp_path / "ct.ome.zarr")
    scale = (normalize.bone_mean - normalize.background_mean) / 8000
    scaling = scale, normalize.background_mean - 2000 * scale
    (piece,) = cut_at(specimen_of_volume(levels, scaling, SETTINGS, normalize))
    assert dice(piece, block()[40]) > 0.96
    levels = bone_level(np.array([10000.0, 30000.0]), normalize)
    np.testing.assert_allclose(levels, [0, 1])
