"""Whole-volume staining: formulas, files, normalization and pictures against known truth."""

import json

import numpy as np
import pytest
import tifffile
import torch
import zarr
from ome_zarr_models import open_ome_zarr
from scipy.ndimage import gaussian_filter
from train_cases import tiny

from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.generator import Generators, write_generator
from virtual_staining.artefacts.paths import StainedVolumeFolder
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.imaging.ct_plane import PaperFilter
from virtual_staining.models.build import build_generators
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.stain import StainSettings
from virtual_staining.stain.command import stain_volume
from virtual_staining.stain.ensemble import load_stainer, plane_stainer
from virtual_staining.stain.scaling import measured_scaling, median_scaling
from virtual_staining.stain.slabs import alpha_channel, filtered_slabs, stained_slabs
from virtual_staining.stain.specimen_outline import specimen_outline, within_specimen
from virtual_staining.stain.views import orthogonal_figure, render

CPU = torch.device("cpu")
TILES = StainSettings(specimen_only=False, patch_px=32, step_px=16, batch_patches=4)


@pytest.fixture
def volume():
    return np.random.default_rng(0).integers(0, 60000, (21, 40, 50)).astype(np.uint16)


@pytest.fixture
def ct(volume, tmp_path):
    omezarr.write_volume_pyramid(tmp_path / "ct.ome.zarr", volume, 5.0)
    return omezarr.open_volume_pyramid(tmp_path / "ct.ome.zarr")[0]


def to_network(rgb):
    return torch.tensor(rgb, dtype=torch.float32)[None, :, None, None] / 127.5 - 1


def constant(rgb):
    """Return a generator that paints everything one colour."""
    return lambda x: to_network(rgb).expand(len(x), 3, *x.shape[2:])


def painter(network, model="cyclegan"):
    """Return the generators of a model whose slides ``network`` makes."""
    return Generators(tiny(model), {"slide": network}, CPU)


def test_alpha_is_the_inverted_mean_for_every_sum():
    rgb = np.array([[min(t, 255), min(max(t - 255, 0), 255), max(t - 510, 0)] for t in range(766)])
    expected = np.rint(255 - rgb.mean(axis=1))
    np.testing.assert_array_equal(alpha_channel(rgb.T.astype(np.uint8)), expected)


@pytest.mark.parametrize("planes", [1, 4, 21])
def test_filter_does_not_depend_on_slab_size(volume, planes):
    found = np.concatenate(list(filtered_slabs(volume, PaperFilter(1.0), planes)))
    expected = gaussian_filter(volume.astype(np.float32), 1.0, mode="nearest")
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_slices_are_normalized_and_stained_one_by_one(volume):
    seen = []

    def stain(plane):
        seen.append(plane)
        return np.full((3, *plane.shape), len(seen), np.uint8)

    slabs = list(stained_slabs([volume.astype(np.float32)], (2.0, -500.0), stain))
    np.testing.assert_array_equal(np.stack(seen), np.clip(2.0 * volume - 500, 0, 65535))
    rgba = np.concatenate(slabs, axis=1)
    assert (rgba[:3, 6] == 7).all() and (rgba[3, 6] == 248).all()


def test_generators_are_averaged_and_see_the_right_range():
    seen = []

    def spy(x):
        seen.append((x.shape[1], float(x.min()), float(x.max())))
        return constant((0, 100, 200))(x)

    plane = np.zeros((40, 50), np.float32)
    plane[:20] = 25000
    for model in ("cyclegan", "cyclegan_inverted"):
        folds = [painter(network, model) for network in (spy, constant((100, 0, 100)))]
        rgb = plane_stainer(folds, TILES)(plane)
        assert rgb.dtype == np.uint8
        np.testing.assert_array_equal(rgb.reshape(3, -1).T, [[50, 50, 150]] * 2000)
    assert {channels for channels, _, _ in seen} == {3}
    assert {low for _, low, _ in seen} == {-1.0, 0.0}
    assert {high for _, _, high in seen} == {0.0, 1.0}


def test_volume_files_hold_exact_colours_and_sizes(ct, tmp_path):
    out = tmp_path / "out"
    stain = plane_stainer([painter(constant((200, 100, 31)))], TILES)
    stain_volume(ct, (1.0, 0.0), stain, PaperFilter(1.0), StainedVolumeFolder(out))
    levels = omezarr.open_volume_pyramid(out / "rgba.ome.zarr")
    truth = np.array([200, 100, 31, 145], np.uint8)
    assert levels[0].array.shape == (4, 21, 40, 50) and levels[0].voxel_size_um == 5.0
    assert (levels[0].array[:] == truth[:, None, None, None]).all()
    image = open_ome_zarr(zarr.open_group(out / "rgba.ome.zarr", mode="r"))
    assert [axis.name for axis in image.ome_attributes.multiscales[0].axes] == list("czyx")
    assert len(image.ome_attributes.omero["channels"]) == 4
    with tifffile.TiffFile(out / "rgba.tif") as tif:
        assert tif.is_bigtiff and tif.is_ome and len(tif.pages) == 21
        assert tif.series[0].shape == (21, 40, 50, 4)
        assert tif.pages.first.extrasamples == (tifffile.EXTRASAMPLE.UNASSALPHA,)
        assert tif.pages.first.resolution == (2000.0, 2000.0)
        assert 'PhysicalSizeZ="5' in tif.ome_metadata
        assert (tif.asarray() == truth).all()


def test_both_files_hold_the_same_voxels_in_the_same_place(ct, volume, tmp_path):
    def stain(plane):
        return np.stack([plane / 256, plane / 512, 0 * plane]).astype(np.uint8)

    stain_volume(ct, (1.0, 0.0), stain, PaperFilter(0.0), StainedVolumeFolder(tmp_path))
    found = omezarr.open_volume_pyramid(tmp_path / "rgba.ome.zarr")[0].array[:]
    np.testing.assert_array_equal(found[0], volume >> 8)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "rgba.tif"), np.moveaxis(found, 0, -1))


def test_an_interrupted_volume_leaves_nothing(ct, tmp_path):
    def stain(plane):
        raise InputError("stop")

    with pytest.raises(InputError):
        stain_volume(ct, (1.0, 0.0), stain, PaperFilter(1.0), StainedVolumeFolder(tmp_path / "out"))
    assert not list((tmp_path / "out").iterdir())


def write_stats(path, **block):
    path.write_text(json.dumps({"ct": block}))
    return path


def test_scaling_is_the_median_of_the_pairs(tmp_path):
    paths = [
        write_stats(tmp_path / f"{k}.json", scale=s, offset=o)
        for k, (s, o) in enumerate([(1, 10), (2, 30), (9, 20)])
    ]
    assert median_scaling(paths) == (2.0, 20.0)
    for block in ({}, {"scale": 0, "offset": 1}, {"scale": float("nan"), "offset": 1}):
        bad = write_stats(tmp_path / "bad.json", **block)
        with pytest.raises(InputError, match=r"bad\.json: .*scale"):
            median_scaling([*paths, bad])


def generator_file(path, trained, **changes):
    settings = tiny("paired_cyclegan", features=2, **changes)
    networks = build_generators(settings)
    if trained:
        for parameter in networks.parameters():
            torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(1))
    write_generator(path, settings, networks.state_dict(), 1, "last")
    return path


def test_command_writes_everything(ct, tmp_path):
    generator = generator_file(tmp_path / "generator.pt", trained=True)
    stats = write_stats(tmp_path / "stats.json", scale=1.0, offset=0.0)
    settings = TILES.model_dump_json()
    arguments = f"stain --ct {tmp_path}/ct.ome.zarr --generator {generator} --stats {stats}"
    arguments += " --normalize {} --section-thickness-um 40"
    out = tmp_path / "out"
    assert main([*arguments.split(), "--settings", settings, "--out", str(out)]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["orthogonal.png", "render.png", "rgba.ome.zarr", "rgba.tif"]
    rgba = omezarr.open_volume_pyramid(out / "rgba.ome.zarr")[0].array[:]
    assert rgba[:3].std() > 0
    np.testing.assert_array_equal(rgba[3], alpha_channel(rgba[:3]))


def test_unusable_inputs_are_refused(ct, tmp_path, capsys):
    good = generator_file(tmp_path / "good.pt", trained=False)
    other = generator_file(tmp_path / "other.pt", trained=False, ct_white=40000.0)
    with pytest.raises(InputError, match="different models or ct_white"):
        load_stainer([good, other], TILES, CPU)
    (tmp_path / "bad.pt").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"bad\.pt: not a generator file"):
        load_stainer([tmp_path / "bad.pt"], TILES, CPU)
    with pytest.raises(InputError, match=r"none\.pt: no such file"):
        load_stainer([tmp_path / "none.pt"], TILES, CPU)
    with pytest.raises(InputError, match=r"stain\.patch_px: 30 must be a multiple of 4"):
        load_stainer([good], StainSettings(patch_px=30, step_px=10), CPU)
    arguments = f"stain --ct {tmp_path}/ct.ome.zarr --generator {good} --out {tmp_path}/out"
    arguments += " --normalize {}"
    assert main([*arguments.split(), "--settings", "{}"]) == 1
    assert "specimen_only needs --mask" in capsys.readouterr().err


def test_a_volume_without_pairs_is_measured(tmp_path):
    rng = np.random.default_rng(0)
    plane = np.full((160, 160), 5000.0)
    plane[30:130, 30:130] = 12000
    plane[60:100, 60:100] = 24000
    planes = np.clip(rng.normal(plane, 300, (8, 160, 160)), 0, 65535).astype(np.uint16)
    scale, offset = measured_scaling(omezarr.VolumeLevel(planes, 5.0), NormalizeSettings(), "v")
    levels = scale * np.array([24000, 5000]) + offset
    np.testing.assert_allclose(levels, [30000, 10000], rtol=0.03)
    with pytest.raises(InputError, match="v: cannot be normalized by itself"):
        measured_scaling(omezarr.VolumeLevel(0 * planes, 5.0), NormalizeSettings(), "v")


def test_only_the_specimen_is_stained():
    plane = np.full((200, 200), 10000.0, np.float32)
    plane[60:140, 50:150] = 30000  # a block of bone
    plane[2:5] = 30000  # the holder's wall, out of the field on both sides
    stain = within_specimen(constant_plane((10, 20, 30)), 10.0, MaskSettings(), NormalizeSettings())
    rgb = stain(plane)
    np.testing.assert_array_equal(rgb[:, 100, 100], [10, 20, 30])
    assert (rgb[:, :40] == 255).all() and (rgb[:, :, 160:] == 255).all()
    outline = specimen_outline(plane, 10.0, MaskSettings(), NormalizeSettings())
    assert outline.sum() == pytest.approx(80 * 100, rel=0.15)
    assert (stain(np.full((200, 200), 10000.0, np.float32)) == 255).all()


def constant_plane(rgb):
    return lambda plane: np.broadcast_to(np.array(rgb, np.uint8)[:, None, None], (3, *plane.shape))


def test_render_composites_front_to_back(monkeypatch):
    monkeypatch.setattr("virtual_staining.stain.views.PICTURE_PX", 96)
    rgba = np.zeros((4, 20, 20, 20), np.uint8)
    rgba[:, :, 4:7] = np.array([200, 0, 0, 255])[:, None, None, None]  # a red wall at low y
    rgba[:, :, 14:17] = np.array([0, 0, 200, 255])[:, None, None, None]  # a blue one behind it
    front, back = (render(rgba, (turn, 0.0)) for turn in (0.0, 180.0))
    middle = tuple(n // 2 for n in front.shape[:2])
    np.testing.assert_allclose(front[middle], [200, 0, 0], atol=1)
    np.testing.assert_allclose(back[middle], [0, 0, 200], atol=1)
    assert (render(np.zeros((4, 8, 8, 8), np.uint8)) == 255).all()
    rgba[:] = 0
    rgba[:, 15:] = np.array([0, 200, 0, 255])[:, None, None, None]  # a slab at high z
    rgba[:, :5] = np.array([200, 0, 0, 255])[:, None, None, None]
    view = render(rgba, (0.0, 0.0))
    column = view[:, view.shape[1] // 2]  # z points up
    np.testing.assert_allclose(column[10], [0, 200, 0], atol=3)
    np.testing.assert_allclose(column[-10], [200, 0, 0], atol=3)


def test_orthogonal_slices_are_the_middle_ones():
    rgba = np.zeros((4, 9, 11, 13), np.uint8)
    rgba[0, 4], rgba[1, :, :, 6], rgba[2, :, 5] = 255, 255, 255
    figure = orthogonal_figure(rgba, 5.0)
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert [image.shape for image in shown] == [(11, 13, 3), (11, 9, 3), (9, 13, 3)]
    for channel, image in enumerate(shown):
        assert (image[..., channel] == 255).all()
    (label,) = figure.axes[0].texts
    assert label.get_text() == "20 µm"  # the longest round length within 2/5 of 65 µm


def test_plane_as_trained_needs_the_thickness(ct, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "virtual_staining.stain.ensemble.load_stainer", lambda *_: lambda plane: plane
    )
    stats = write_stats(tmp_path / "stats.json", scale=1.0, offset=0.0)
    arguments = [
        *("stain", "--ct", str(tmp_path / "ct.ome.zarr"), "--generator", "g.pt"),
        *("--stats", str(stats), "--normalize", "{}", "--out", str(tmp_path / "out")),
        *("--settings", json.dumps({"specimen_only": False})),
    ]
    assert main(arguments) == 1
    assert "--section-thickness-um" in capsys.readouterr().err
