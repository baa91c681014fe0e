"""Whole-volume staining: formulas, files, normalization against known truth."""

import json
from functools import partial

import numpy as np
import pytest
import tifffile
import torch
import zarr
from ome_zarr_models import open_ome_zarr
from scipy.ndimage import gaussian_filter
from train_cases import tiny

from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.generator import Generators
from virtual_staining.artefacts.generator_file import write_generator
from virtual_staining.artefacts.rgba import deviation_levels, open_rgba, open_uncertainty
from virtual_staining.artefacts.specimen import searched
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.imaging.ct_plane import PaperFilter
from virtual_staining.models.build import build_generators
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.stain import StainSettings
from virtual_staining.stain.ensemble import load_stainer, plane_stainer
from virtual_staining.stain.fusion import alpha_channel
from virtual_staining.stain.kept_slabs import KeptSlabs
from virtual_staining.stain.scaling import measured_scaling, median_scaling
from virtual_staining.stain.slabs import Slab, filtered_slab, slabs_along, stain_slab
from virtual_staining.stain.specimen import find_specimen
from virtual_staining.stain.volume import Staining, write_stained_volume

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
@pytest.mark.parametrize("axis", "zyx")
def test_filter_does_not_depend_on_slab_size(volume, planes, axis):
    number = "zyx".index(axis)
    slabs = slabs_along(axis, volume.shape, planes * 4 * volume.size // volume.shape[number])
    assert max(slab.stop - slab.start for slab in slabs) == (planes if planes < 16 else 16)
    found = np.concatenate([filtered_slab(volume, slab, PaperFilter(1.0)) for slab in slabs])
    expected = gaussian_filter(volume.astype(np.float32), 1.0, mode="nearest")
    np.testing.assert_allclose(found, np.moveaxis(expected, number, 0), rtol=1e-6)


def test_planes_are_normalized_and_stained_one_by_one(volume):
    seen = []

    def stain(plane, inside):
        seen.append(plane)
        return np.full((3, *plane.shape), len(seen), np.uint8), np.zeros(plane.shape)

    rgb, _ = stain_slab(volume.astype(np.float32), (2.0, -500.0), stain)
    np.testing.assert_array_equal(np.stack(seen), np.clip(2.0 * volume - 500, 0, 65535))
    assert (rgb[:, 6] == 7).all()


def test_generators_are_averaged_and_see_the_right_range():
    seen = []

    def spy(x):
        seen.append((x.shape[1], float(x.min()), float(x.max())))
        return constant((0, 100, 200))(x)

    plane = np.zeros((40, 50), np.float32)
    plane[:20] = 25000
    for model in ("cyclegan", "cyclegan_inverted"):
        folds = [painter(network, model) for network in (spy, constant((100, 0, 100)))]
        rgb, deviation = plane_stainer(folds, TILES)(plane, None)
        assert rgb.dtype == np.uint8
        np.testing.assert_array_equal(rgb.reshape(3, -1).T, [[50, 50, 150]] * 2000)
        np.testing.assert_allclose(deviation, 50, atol=0.05)  # of 0 and 100 in each colour
    assert {channels for channels, _, _ in seen} == {3}
    assert {low for _, low, _ in seen} == {-1.0, 0.0}
    assert {high for _, _, high in seen} == {0.0, 1.0}


def stain_volume(ct, stain, plane_filter, folder, axes=("z",)):
    staining = Staining(ct, (1.0, 0.0), stain, plane_filter, axes)
    kept = KeptSlabs(folder / "slabs", ct.array.shape)
    staining.stain(kept, staining.slabs)
    write_stained_volume(staining, kept, StainedVolumeFolder(folder))


def test_volume_files_hold_exact_colours_and_sizes(ct, tmp_path):
    out = tmp_path / "out"
    stain = plane_stainer([painter(constant((200, 100, 31)))], TILES)
    stain_volume(ct, stain, PaperFilter(1.0), out)
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


def grey_levels(plane, inside=None):
    """Stain a plane with its high and low bytes, which tell where a voxel comes from."""
    value = plane.round().astype(int)
    return np.stack([value >> 8, value & 255, 0 * value]).astype(np.uint8), np.zeros(plane.shape)


@pytest.mark.parametrize("axes", ["z", "y", "x", "zyx"])
def test_both_files_hold_the_same_voxels_in_the_same_place(ct, volume, tmp_path, axes):
    stain_volume(ct, grey_levels, PaperFilter(0.0), tmp_path, axes)
    found = omezarr.open_volume_pyramid(tmp_path / "rgba.ome.zarr")[0].array[:]
    np.testing.assert_array_equal(found[0], volume >> 8)
    np.testing.assert_array_equal(found[1], volume & 255)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "rgba.tif"), np.moveaxis(found, 0, -1))
    assert not open_uncertainty(tmp_path / "rgba.ome.zarr")[0].array[:].any()


def test_axes_are_averaged_and_their_spread_is_kept(ct, tmp_path):
    count = iter(range(1000))

    def stain(plane, inside):
        """Paint the planes along z, which come first, 60 and the others 120, ± 20 each."""
        value = 60 if next(count) < 21 else 120
        return np.full((3, *plane.shape), value, np.uint8), np.full(plane.shape, 20.0, np.float32)

    stain_volume(ct, stain, PaperFilter(0.0), tmp_path, "zy")
    path = tmp_path / "rgba.ome.zarr"
    found = omezarr.open_volume_pyramid(path)[0].array[:]
    assert (found[:3] == 90).all() and (found[3] == 165).all()
    deviation = deviation_levels(open_uncertainty(path)[0].array[:])
    np.testing.assert_allclose(deviation, np.hypot(30, 20), atol=0.26)


def test_an_interrupted_volume_keeps_its_finished_slabs(ct, tmp_path):
    """Whenever a run stops, the next one stains the slab that was being stained and those after."""
    slabs = [Slab("z", z, min(z + 4, 21)) for z in range(0, 21, 4)]
    stained = []

    def stain(plane, inside):
        if len(stained) in (2, 9, 10, 19):  # stops within slabs, and at the end of one
            stained.append(None)
            raise InputError("stop")
        stained.append(plane)
        return grey_levels(plane)

    staining = Staining(ct, (1.0, 0.0), stain, PaperFilter(1.0))
    staining.__dict__["slabs"] = slabs
    kept = KeptSlabs(tmp_path / "out/slabs", ct.array.shape)
    for _ in range(4):
        with pytest.raises(InputError):
            staining.stain(kept, slabs)
        assert not list((tmp_path / "out").rglob(".partial*"))
    staining.stain(kept, slabs)
    assert sum(plane is not None for plane in stained) < 21 + 4 * 4
    write_stained_volume(staining, kept, StainedVolumeFolder(tmp_path / "out"))
    stain_volume(ct, grey_levels, PaperFilter(1.0), tmp_path / "once")
    for one, other in zip(
        *(open_rgba(tmp_path / f"{k}/rgba.ome.zarr") for k in ("out", "once")), strict=True
    ):
        np.testing.assert_array_equal(one.array[:], other.array[:])


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


def test_command_writes_everything_in_one_job_or_in_several(ct, tmp_path, monkeypatch):
    generator = generator_file(tmp_path / "generator.pt", trained=True)
    stats = write_stats(tmp_path / "stats.json", scale=1.0, offset=0.0)
    arguments = f"stain --ct {tmp_path}/ct.ome.zarr --generator {generator} --stats {stats}"
    arguments += " --normalize {} --section-thickness-um 40"
    settings = TILES.model_copy(update={"axes": ("z", "y")}).model_dump_json()
    command = [*arguments.split(), "--settings", settings, "--out"]
    out, parts = tmp_path / "out", tmp_path / "parts"
    assert main([*command, str(out)]) == 0
    monkeypatch.setattr("virtual_staining.stain.slabs.MOST_PLANES", 16)
    for share in "12":
        assert main([*command, str(parts), "--share", share, "2"]) == 0
    assert not (parts / "rgba.tif").exists()
    assert main([*command, str(parts), "--share", "3", "2"]) == 1
    (folder,) = parts.glob("slabs-*/")
    assert len(list(folder.iterdir())) == 2 + 3  # of 16 planes along z and y
    assert main([*command, str(parts)]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["rgba.ome.zarr", "rgba.tif"]
    rgba = omezarr.open_volume_pyramid(out / "rgba.ome.zarr")[0].array[:]
    assert rgba[:3].std() > 0
    np.testing.assert_array_equal(rgba[3], alpha_channel(rgba[:3]))
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        assert path.read_bytes() == (parts / path.relative_to(out)).read_bytes(), path.name


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
    scale, offset = measured_scaling([omezarr.VolumeLevel(planes, 5.0)], NormalizeSettings(), "v")
    levels = scale * np.array([24000, 5000]) + offset
    np.testing.assert_allclose(levels, [30000, 10000], rtol=0.03)
    with pytest.raises(InputError, match="v: cannot be normalized by itself"):
        measured_scaling([omezarr.VolumeLevel(0 * planes, 5.0)], NormalizeSettings(), "v")


def test_only_the_specimen_is_stained(tmp_path):
    plane = np.full((200, 200), 10000.0, np.float32)
    plane[60:140, 50:150] = 30000  # a block of bone
    plane[2:5] = 30000  # the holder's wall, out of the field on both sides
    ct = np.full((8, 200, 200), 10000, np.uint16)
    ct[3:] = plane
    omezarr.write_volume_pyramid(tmp_path / "ct.ome.zarr", ct, 10.0)
    levels = omezarr.open_volume_pyramid(tmp_path / "ct.ome.zarr")
    copy = searched(levels, (1.0, 0.0), NormalizeSettings())
    specimen = find_specimen(levels[0], copy, MaskSettings())
    assert specimen.plane("z", 5).sum() == pytest.approx(85 * 105, rel=0.03)  # with its margin
    seen = []

    def stain(plane, inside):
        seen.append(inside)
        return np.zeros((3, *plane.shape), np.uint8), np.ones(plane.shape, np.float32)

    for axis, number in (("z", 0), ("y", 1), ("x", 2)):
        slab = Slab(axis, 0, ct.shape[number])
        planes = np.moveaxis(ct, number, 0).astype(np.float32)
        rgb, deviation = stain_slab(planes, (1.0, 0.0), stain, partial(specimen.plane, axis))
        assert slab.number == number
        rgb, deviation = np.moveaxis(rgb, 1, number + 1), np.moveaxis(deviation, 0, number)
        assert (rgb[:, 6, 100, 100] == 0).all() and (rgb[:, 0] == 255).all()
        assert (rgb[:, :, :40] == 255).all() and (rgb[:, :, :, 160:] == 255).all()
        np.testing.assert_array_equal(deviation == 0, rgb[0] == 255)
    assert 150 < len(seen) < 300 and all(inside.any() for inside in seen)  # empty planes left out


def test_planes_cut_down_to_the_specimen_get_the_same_colours():
    """Tiles that show no specimen are skipped, and of whole planes the far parts."""
    inside = np.zeros((150, 90), bool)
    inside[60:75, 20:33] = True
    plane = np.random.default_rng(3).uniform(10000, 50000, inside.shape).astype(np.float32)
    settings = tiny("pix2pix", norm="pixel", generator="unet", unet_depth=2, features=2, dropout=0)
    network = build_generators(settings)["slide"].eval()
    calls = []

    def spy(x):
        calls.append(x.shape)
        return network(x)

    for tiling in (TILES, StainSettings(whole_planes=True, flips=True)):
        folds = [Generators(settings, {"slide": spy}, CPU)]
        expected = plane_stainer(folds, tiling)(plane, None)
        whole = sum(shape.numel() for shape in calls)
        calls.clear()
        found = plane_stainer(folds, tiling)(plane, inside)
        assert sum(shape.numel() for shape in calls) < 0.6 * whole
        calls.clear()
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one[..., inside], other[..., inside], atol=0.02)


def test_plane_as_trained_needs_the_thickness(ct, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("virtual_staining.stain.ensemble.load_stainer", lambda *_: grey_levels)
    stats = write_stats(tmp_path / "stats.json", scale=1.0, offset=0.0)
    arguments = [
        *("stain", "--ct", str(tmp_path / "ct.ome.zarr"), "--generator", "g.pt"),
        *("--stats", str(stats), "--normalize", "{}", "--out", str(tmp_path / "out")),
        *("--settings", json.dumps({"specimen_only": False})),
    ]
    assert main(arguments) == 1
    assert "--section-thickness-um" in capsys.readouterr().err
