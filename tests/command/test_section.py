"""Planes cut out of stained volumes: their place, size, colours and files."""

import json

import numpy as np
import pytest
import tifffile
from ome_types import from_xml
from scipy.ndimage import gaussian_filter
from skimage.metrics import structural_similarity

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.registration_place import read_pair_grid, write_pair_grid
from virtual_staining.artefacts.rgba import write_rgba
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.artefacts.volume import write_volume_pyramid
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.imaging.ct_plane import ct_plane
from virtual_staining.imaging.geometry import PlaneGrid, pose_to_map
from virtual_staining.section.plane import frame_of_normal, frame_of_points, grid_within

VOXEL_UM = 20.0
SIZE_UM = (1800.0, 1600.0, 1400.0)  # x, y, z


def paint(ct):
    """Colour grey levels as a network might: each level one colour."""
    level = ct.astype(float) / 65535
    return np.stack([255 - 200 * level, 255 - 120 * level, 255 - 255 * level**2])


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A textured CT, the volume stained voxel by voxel, and a section's pose."""
    folder = tmp_path_factory.mktemp("section")
    noise = np.random.default_rng(0).normal(size=(70, 80, 90))
    ct = gaussian_filter(noise, 3)
    ct = ((ct - ct.min()) / np.ptp(ct) * 65535).astype(np.uint16)
    write_volume_pyramid(folder / "ct.ome.zarr", ct, VOXEL_UM)
    rgb = paint(ct)
    rgba = np.concatenate([rgb, 255 - rgb.mean(0, keepdims=True)]).round().astype(np.uint8)
    write_rgba(StainedVolumeFolder(folder), [rgba], ct.shape, VOXEL_UM, (1.0, 0.0), "z")
    pose = pose_to_map((900, 800, 700), (0.9, 0.3, -0.2), (-0.3, 0.8, 0.5), (1000, 800))
    write_pair_grid(folder / "transform.json", PlaneGrid((40, 50), VOXEL_UM, pose), {})
    return folder, ct


def section(folder, *arguments):
    return main(["section", "--volume", str(folder / "rgba.ome.zarr"), *map(str, arguments)])


def test_round_trip_at_the_sections_own_pose(study, tmp_path):
    """The stained volume, cut where the section lies, is the stained plane of the section."""
    folder, ct = study
    out, ct_out = tmp_path / "a.tif", tmp_path / "a-ct.tif"
    ct_options = ("--ct", folder / "ct.ome.zarr", "--ct-out", ct_out)
    place = ("--transform", folder / "transform.json")
    assert section(folder, *place, "--out", out, *ct_options) == 0
    grid = read_pair_grid(folder / "transform.json")
    plane = ct_plane(ct, VOXEL_UM, grid.to_volume, grid.shape, grid.pixel_um, 0.0)
    np.testing.assert_allclose(tifffile.imread(ct_out), plane.astype(float), atol=1)
    cut, translated = tifffile.imread(out), np.moveaxis(paint(plane), 0, -1)
    similarity = structural_similarity(
        cut.astype(float), translated, data_range=255, channel_axis=2
    )
    print(f"SSIM {similarity:.4f}")
    assert similarity > 0.99 and np.abs(cut - translated).mean() < 1
    assert pixel_size_um(out) == pytest.approx(VOXEL_UM)
    again = tmp_path / "b.tif"
    assert section(folder, "--transform", tmp_path / "a.json", "--out", again) == 0
    np.testing.assert_array_equal(tifffile.imread(again), cut)


def test_large_pixels_take_a_coarser_level_and_ome_files_say_um(study, tmp_path):
    folder, ct = study
    out = tmp_path / "a.ome.tif"
    assert section(folder, "--normal", 0, 0, 1, "--pixel-um", 50, "--out", out) == 0
    with tifffile.TiffFile(out) as tiff:
        image, pixels = tiff.asarray(), from_xml(tiff.ome_metadata).images[0].pixels
    assert image.shape == (32, 36, 3)
    assert (pixels.physical_size_x, pixels.physical_size_x_unit.value) == (50.0, "µm")
    about = json.loads((tmp_path / "a.json").read_text())
    assert about["voxel_size_um"] == 40.0 and about["pair_pixel_um"] == 50.0
    stained = (tmp_path / about["volume"]).resolve()  # seen from the picture
    assert stained.is_relative_to(folder.resolve()) and stained.exists()
    truth = np.moveaxis(paint(ct[34:36].mean(0)), 0, -1).mean((0, 1))
    np.testing.assert_allclose(image.mean((0, 1)), truth, atol=3)


def test_thickness_is_averaged(study, tmp_path):
    folder, ct = study
    out = tmp_path / "thick.tif"
    assert section(folder, "--normal", 0, 0, 1, "--thickness-um", 80, "--out", out) == 0
    expected = paint(ct)[:, 33:37].mean(1)
    np.testing.assert_allclose(tifffile.imread(out), np.moveaxis(expected, 0, -1), atol=1.01)


def test_planes_lie_where_they_are_asked_for():
    points = np.array([[100.0, 200, 300], [300, 200, 300], [50, 500, 400]])
    frame = frame_of_points(points)
    on_plane = frame.to_slide(points)
    np.testing.assert_allclose(frame.to_volume(on_plane), points, atol=1e-9)
    np.testing.assert_allclose(on_plane[1], [200, 0], atol=1e-9)
    assert on_plane[2, 1] > 0
    normal = np.array([1.0, 2, 2]) / 3
    frame = frame_of_normal(5 * normal, 120.0, SIZE_UM)
    np.testing.assert_allclose(frame.normal, normal, atol=1e-12)
    assert (frame.origin_um - np.array(SIZE_UM) / 2) @ normal == pytest.approx(120)
    flat = frame_of_normal(np.array([0, 0, 2.0]), 0, SIZE_UM)
    np.testing.assert_allclose([flat.u, flat.v], np.eye(3)[:2], atol=1e-12)


def test_the_grid_covers_the_cut_and_no_more():
    flat = grid_within(frame_of_normal(np.array([0, 0, 1.0]), 50, SIZE_UM), SIZE_UM, 20)
    assert flat.shape == (80, 90)
    np.testing.assert_allclose(flat.to_volume.origin_um, [0, 0, 750], atol=1e-9)
    diagonal = frame_of_normal(np.array([1.0, 1, 0]), 0, (100.0, 100, 50))
    assert grid_within(diagonal, (100.0, 100, 50), 1).shape in ((50, 142), (142, 50))
    with pytest.raises(InputError, match="misses the volume"):
        grid_within(frame_of_normal(np.array([0, 0, 1.0]), 701, SIZE_UM), SIZE_UM, 20)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--normal 0 0 0 --out a.tif", "--normal: needs a direction"),
        ("--points 0 0 0 1 1 1 2 2 2 --out a.tif", "lie on a line"),
        ("--normal 0 0 1 --out a.png", "--out: a.png must end in .tif"),
        ("--normal 0 0 1 --out a.tif --ct-out b.tif", "--ct and --ct-out go together"),
        ("--normal 0 0 1 --out a.tif --pixel-um 0", "--pixel-um: 0.0 must be positive"),
        ("--normal 0 0 nan --out a.tif", "must be finite"),
        ("--normal 0 0 1 --out a.tif --pixel-um 0.001", "too many; give a larger"),
        ("--transform none.json --depth-um 5 --out a.tif", "--depth-um goes with --normal"),
        ("--transform none.json --out a.tif", "none.json: no such file"),
    ],
)
def test_wrong_arguments_are_explained(study, arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert section(study[0], *arguments.split()) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_damaged_places_are_explained(study, tmp_path, capsys):
    folder, _ = study
    good = json.loads((folder / "transform.json").read_text())
    place = good["pair_to_volume"]
    far = [1e6, 0.0, 0.0]
    for change, message in (
        ({"pair_shape_px": [5]}, "pair_shape_px"),
        ({"pair_pixel_um": 0}, "pair_pixel_um: 0 must be positive"),
        ({"pair_to_volume": {**place, "u": [2, 0, 0]}}, "orthogonal unit vectors"),
        ({"pair_to_volume": {**place, "origin_um": far}}, "the plane misses the stained volume"),
    ):
        (tmp_path / "t.json").write_text(json.dumps({**good, **change}))
        out = ("--out", tmp_path / "a.tif")
        assert section(folder, "--transform", tmp_path / "t.json", *out) == 1
        assert message in capsys.readouterr().err
