"""Volumes stained in planes parallel to a section: what the network sees, where colours land."""

import json

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from scipy.spatial.transform import Rotation
from train_cases import tiny

from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.generator_file import write_generator
from virtual_staining.artefacts.registration_place import write_pair_grid
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.storage.document import write_document
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.imaging.ct_plane import AsTrained, ct_plane
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap
from virtual_staining.imaging.tissue.specimen import Specimen
from virtual_staining.models.build import build_generators
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.stain import StainSettings
from virtual_staining.stain.command import chosen_axes
from virtual_staining.stain.kept_slabs import KeptSlabs
from virtual_staining.stain.section_planes import SectionPlanes
from virtual_staining.stain.slabs import Slab
from virtual_staining.stain.specimen import SpecimenPlanes
from virtual_staining.stain.volume import Staining, write_stained_volume

SHAPE = (30, 44, 52)
VOXEL_UM, THICKNESS_UM = 20.0, 40.0


@pytest.fixture
def ct(tmp_path):
    values = np.random.default_rng(0).integers(0, 60000, SHAPE).astype(np.uint16)
    omezarr.write_volume_pyramid(tmp_path / "ct.ome.zarr", values, VOXEL_UM)
    return omezarr.open_volume_pyramid(tmp_path / "ct.ome.zarr")[0]


@pytest.fixture
def frame():
    u, v, _ = Rotation.from_euler("xyz", (25, -15, 40), degrees=True).as_matrix()
    return SectionMap(np.array([150.0, 120.0, 260.0]), u, v)


def staining_of(ct, frame, stain, specimen=None):
    planes = SectionPlanes(ct, frame, THICKNESS_UM)
    filtered = AsTrained(THICKNESS_UM, VOXEL_UM)
    return Staining(ct, (1.0, 0.0), stain, filtered, ("section",), specimen, planes)


def written(staining, folder, slabs=None):
    """Stain a volume and return its colours, (4, z, y, x)."""
    kept = KeptSlabs(folder / "slabs", SHAPE)
    staining.stain(kept, slabs or staining.slabs)
    write_stained_volume(staining, kept, StainedVolumeFolder(folder))
    return open_rgba(folder / "rgba.ome.zarr")[0].array[:]


def test_the_network_sees_the_pairs_own_plane(ct, frame, tmp_path):
    seen = []

    def stain(plane, inside):
        seen.append(plane)
        return np.zeros((3, *plane.shape), np.uint8), np.zeros(plane.shape)

    written(staining_of(ct, frame, stain), tmp_path / "out")
    shape = (14, 17)
    pair = ct_plane(ct.array[:], VOXEL_UM, frame, shape, VOXEL_UM, THICKNESS_UM)
    differences = [
        np.abs(plane[y : y + shape[0], x : x + shape[1]] - pair).max()
        for plane in seen
        for y in range(plane.shape[0] - shape[0] + 1)
        for x in range(plane.shape[1] - shape[1] + 1)
    ]
    assert np.sort(differences)[0] < 1 < 1000 < np.sort(differences)[1]


def test_colours_land_where_their_tissue_lies(frame, tmp_path):
    z, y, x = np.indices(SHAPE)
    values = (20000 + 300 * z + 400 * y - 200 * x).astype(np.uint16)
    omezarr.write_volume_pyramid(tmp_path / "ct.ome.zarr", values, VOXEL_UM)
    ct = omezarr.open_volume_pyramid(tmp_path / "ct.ome.zarr")[0]

    def stain(plane, inside):
        rgb = np.repeat((plane / 256).round().astype(np.uint8)[None], 3, 0)
        return rgb, np.full(plane.shape, 3.0, np.float32)

    found = written(staining_of(ct, frame, stain), tmp_path / "out")
    deep = (slice(4, -4),) * 3  # beside the border the CT is repeated
    assert np.abs(found[0][deep] - values[deep] / 256).max() <= 1.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_voxel_of_the_specimen_is_stained_and_no_other(ct, frame, tmp_path, seed):
    random = np.random.default_rng(seed)
    places = random.uniform(0, (700, 500, 300), (2, 1, 3)) + random.uniform(0, 300, (2, 20, 3))
    bodies = tuple(ConvexHull(points) for points in places)
    specimen = SpecimenPlanes(Specimen(bodies), SHAPE, VOXEL_UM)
    needed = []

    def stain(plane, inside):
        needed.append(inside.mean())
        rgb = np.full((3, *plane.shape), 200, np.uint8)  # of what is not asked for
        rgb[:, inside] = 7
        return rgb, np.zeros(plane.shape, np.float32)

    found = written(staining_of(ct, frame, stain, specimen), tmp_path / "out")
    inside = np.stack([specimen.plane("z", z) for z in range(SHAPE[0])])
    assert (found[:3, inside] == 7).all() and (found[:3, ~inside] == 255).all()
    assert np.mean(needed) < 0.9


def test_slabs_do_not_change_the_volume(ct, frame, tmp_path):
    def stain(plane, inside):
        rgb = np.stack([plane // 256, plane % 256, 0 * plane]).astype(np.uint8)
        return rgb, (plane % 100).astype(np.float32)

    once = staining_of(ct, frame, stain)
    n = once.slabs[-1].stop
    expected = written(once, tmp_path / "once")
    parts = staining_of(ct, frame, stain)
    parts.section.__dict__["slabs"] = [Slab("section", k, min(k + 7, n)) for k in range(0, n, 7)]
    found = written(parts, tmp_path / "parts", parts.slabs[::-1])
    np.testing.assert_array_equal(found, expected)


def transform(path, frame, confidence):
    write_pair_grid(path, PlaneGrid((20, 30), VOXEL_UM, frame), {"confidence": confidence})
    return path


def test_command_stains_along_the_section_in_one_job_or_in_several(
    ct, frame, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr("virtual_staining.stain.slabs.MOST_PLANES", 16)
    settings = tiny("pix2pix", norm="pixel", generator="unet", unet_depth=2, features=2, dropout=0)
    networks = build_generators(settings)
    write_generator(tmp_path / "generator.pt", settings, networks.state_dict(), 1, "last")
    stats = tmp_path / "stats.json"
    stats.write_text(json.dumps({"ct": {"scale": 1.0, "offset": 0.0}}))
    options = {"axes": ["section"], "specimen_only": False, "whole_planes": True}
    command = [
        *("stain", "--ct", str(tmp_path / "ct.ome.zarr"), "--stats", str(stats)),
        *("--generator", str(tmp_path / "generator.pt"), "--normalize", "{}"),
        *("--section-thickness-um", str(THICKNESS_UM), "--settings", json.dumps(options)),
    ]
    sure = transform(tmp_path / "sure.json", frame, 0.9)
    other = SectionMap(frame.origin_um, *np.eye(3)[:2])
    sections = ["--transforms", str(transform(tmp_path / "unsure.json", other, 0.2)), str(sure)]
    once, parts = tmp_path / "once", tmp_path / "parts"
    assert main([*command, *sections, "--out", str(once)]) == 0
    for share in "12":
        assert main([*command, *sections, "--out", str(parts), "--share", share, "2"]) == 0
    assert main([*command, *sections, "--out", str(parts)]) == 0
    assert main([*command, "--transforms", str(sure), "--out", str(tmp_path / "one")]) == 0
    for path in sorted(path for path in once.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for folder in (parts, tmp_path / "one"):
            assert content == (folder / path.relative_to(once)).read_bytes(), path.name
    assert omezarr.volume_attributes(once / "rgba.ome.zarr")["axes"] == ["section"]
    assert main([*command, "--out", str(tmp_path / "none")]) == 0
    assert "no registered section: stained along z" in caplog.text
    assert omezarr.volume_attributes(tmp_path / "none/rgba.ome.zarr")["axes"] == ["z"]


def test_sections_that_were_not_registered_do_not_count(frame, tmp_path, caplog):
    failed = tmp_path / "failed.json"
    write_document(failed, 1, {"failed": "no tissue"})
    assert chosen_axes(("z", "section"), [failed]) == (("z",), None)
    assert "no registered section" in caplog.text
    plane = tmp_path / "plane.json"  # as the command section writes it
    write_pair_grid(plane, PlaneGrid((20, 30), VOXEL_UM, frame), {})
    assert chosen_axes(("section",), [failed, plane]) == (("section",), plane)
    assert chosen_axes(("y", "x"), [failed, plane]) == (("y", "x"), None)


def test_the_papers_filter_has_no_planes_of_a_section():
    with pytest.raises(InputError, match=r"stain\.plane: .*as_trained where axes names section"):
        from_dict(StainSettings, {"axes": ["section"], "plane": "paper"})
