"""Raw volumes of each container, good and damaged, and the resampling between them and OME-Zarr."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
import zarr
from ome_zarr_models import open_ome_zarr
from raw_volumes import (
    CONTAINERS,
    DAMAGE,
    SHAPE,
    damaged,
    write_folder,
    write_hdf5,
    write_itk,
    write_ngff04,
    write_ngff05,
    write_tiff,
    write_zarr,
)
from recipes import add_module, python_example
from scipy.ndimage import binary_erosion, gaussian_filter1d, map_coordinates

from virtual_staining import __version__
from virtual_staining.artefacts import volume as omezarr
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.ingest.convert_volume import _block_planes
from virtual_staining.ingest.grey_map import fixed_grey_map, measured_grey_map
from virtual_staining.ingest.resample import area_matrix, gaussian_matrix, resample_stream
from virtual_staining.readers import volumes
from virtual_staining.readers.open_raw import open_volume
from virtual_staining.readers.source import Source


@pytest.fixture
def truth():
    return np.random.default_rng(0).integers(1, 60000, SHAPE).astype(np.uint16)


@pytest.mark.parametrize("container", CONTAINERS)
def test_container_is_read_plane_by_plane(container, truth, tmp_path):
    source = open_volume(CONTAINERS[container](tmp_path, truth))
    assert (source.shape, source.dtype) == (SHAPE, np.uint16)
    parts = [source.read(z, min(z + 5, 12)) for z in range(0, 12, 5)]
    np.testing.assert_array_equal(np.concatenate(parts), truth)


def test_the_same_volume_in_another_folder_makes_the_same_bytes(truth, tmp_path):
    """What is given away names no folder of the machine."""
    written = []
    for name in ("anna", "laboratory/of bert"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        cell = write_hdf5(folder / "ct.h5", truth)
        out = folder / "out.zarr"
        command = ["ingest", "volume", "--volume", cell, "--voxel-size-um", "5", "--out", str(out)]
        assert main([*command, "--settings", '{"voxel_size_um": 5.0}', "--threads", "1"]) == 0
        files = [path for path in sorted(out.rglob("*")) if path.is_file()]
        written.append({path.relative_to(out): path.read_bytes() for path in files})
    assert written[0] == written[1]
    attributes = zarr.open_group(out, mode="r").attrs["virtual_staining"]
    assert attributes["source"] == "ct.h5::/entry/data/data"


def test_a_new_container_is_one_file(truth, repository, tmp_path, monkeypatch, capsys):
    """The example of the documentation, in a folder of containers, is ingested by the command."""
    example = python_example(repository / "docs" / "inputs-reference.md")
    (tmp_path / "found").mkdir()
    add_module(volumes, "throw_away", example, tmp_path / "found", monkeypatch)
    np.save(tmp_path / "ct.npy", truth)
    out = tmp_path / "ct.ome.zarr"
    assert ingest(tmp_path / "ct.npy", out) == 0
    np.testing.assert_array_equal(omezarr.open_volume_pyramid(out)[0].array[:], truth)
    np.save(tmp_path / "flat.npy", truth[0])
    assert ingest(tmp_path / "flat.npy", out) == 1
    assert "flat.npy: holds 2 dimensions" in capsys.readouterr().err
    (tmp_path / "ct.xyz").write_bytes(b"1")
    assert ingest(tmp_path / "ct.xyz", out) == 1
    assert "NumPy array (.npy)" in capsys.readouterr().err  # listed among the known ones


def test_hdf5_is_known_by_its_content(truth, tmp_path):
    written = Path(write_hdf5(tmp_path / "ct.h5", truth).partition("::")[0])
    renamed = written.rename(tmp_path / "scan.dataset")
    source = open_volume(f"{renamed}::/entry/data/data")
    np.testing.assert_array_equal(source.read(0, 12), truth)


def test_a_path_inside_a_container_that_has_none_is_refused(truth, tmp_path):
    path = write_itk(tmp_path / "ct.mha", truth)
    with pytest.raises(InputError, match=r"ct\.mha::/data: MetaImage holds one image"):
        open_volume(f"{path}::/data")


def test_slices_are_in_natural_order(tmp_path):
    for z in range(12):
        tifffile.imwrite(tmp_path / f"s{z}.tif", np.full((4, 4), z, np.uint8))
    np.testing.assert_array_equal(open_volume(str(tmp_path)).read(0, 12)[:, 0, 0], np.arange(12))


def ingest(volume, out, size="5", settings='{"voxel_size_um": 5}'):
    return main(
        f"ingest volume --voxel-size-um={size} --threads 1".split()
        + f"--volume\t{volume}\t--settings\t{settings}\t--out\t{out}".split("\t")
    )


def recorded(out):
    """What the stage says in the volume's attributes."""
    return zarr.open_group(out, mode="r").attrs["virtual_staining"]


def test_command_keeps_uint16_and_writes_valid_metadata(truth, tmp_path):
    big = np.tile(truth, (8, 9, 10))
    out = tmp_path / "ct.ome.zarr"
    assert ingest(write_folder(tmp_path / "ct", big), out) == 0
    levels = omezarr.open_volume_pyramid(out)
    np.testing.assert_array_equal(levels[0].array[:], big)
    assert [level.voxel_size_um for level in levels] == [5.0, 10.0, 20.0]
    blocks = big.reshape(48, 2, 45, 2, 70, 2).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(levels[1].array[:], blocks, atol=0.51)
    image = open_ome_zarr(zarr.open_group(out, mode="r"))
    dataset = image.ome_attributes.multiscales[0].datasets[1]
    assert [t.type for t in dataset.coordinateTransformations] == ["scale", "translation"]
    assert dataset.coordinateTransformations[1].translation == [5.0, 5.0, 5.0]
    assert sum(path.is_file() for path in out.rglob("*")) < 12
    assert recorded(out)["intensity"] == {"scale": 1.0, "offset": 0.0}
    assert recorded(out)["version"] == __version__


def test_anisotropic_ramp_keeps_its_world_coordinates(tmp_path):
    z, y, x = np.indices((30, 40, 40))
    world = 100 * (z + 0.5) * 50 / 40 + 10 * (y + 0.5) + (x + 0.5)
    volume = write_tiff(tmp_path / "ct.tif", world.astype(np.float32), photometric="minisblack")
    out = tmp_path / "ct.ome.zarr"
    settings = '{"voxel_size_um": 80, "float_percentiles": [0, 100]}'
    assert ingest(volume, out, "50,40,40", settings) == 0
    found = omezarr.open_volume_pyramid(out)[0].array[:]
    assert found.shape == (19, 20, 20)
    level = recorded(out)["intensity"]
    raw = (found - level["offset"]) / level["scale"]
    z, y, x = (2 * (i + 0.5) for i in np.indices(found.shape))
    inner = (slice(2, -2),) * 3
    np.testing.assert_allclose(raw[inner], (100 * z + 10 * y + x)[inner], atol=0.3)


@pytest.mark.parametrize("ratio", [0.7, 1.3, 2.0, 3.7])
def test_gaussian_matrix_is_filter_then_linear_interpolation(ratio):
    signal = np.random.default_rng(1).normal(size=50)
    sigma = max(1e-6, (ratio - 1) / 2)
    smooth = gaussian_filter1d(signal, sigma, mode="nearest", radius=int(4 * sigma + 0.5))
    matrix = gaussian_matrix(50, 1.0, ratio)
    position = (np.arange(matrix.shape[0]) + 0.5) * ratio - 0.5
    expected = map_coordinates(smooth, [position], order=1, mode="nearest")
    np.testing.assert_allclose(matrix @ signal, expected, atol=1e-5)


def test_area_matrix_keeps_the_mean_and_splits_pixels():
    np.testing.assert_allclose(
        area_matrix(5, 1.0, 2.5).toarray(),
        [[0.4, 0.4, 0.2, 0, 0], [0, 0, 0.2, 0.4, 0.4]],
        atol=1e-6,
    )
    assert area_matrix(5, 1.0, 0.5) is None


@pytest.mark.parametrize("thickness", [1, 5, 12])
def test_resampling_does_not_depend_on_block_size(truth, thickness):
    matrices = [gaussian_matrix(n, 1.0, 1.7) for n in SHAPE]
    blocks = [truth[z : z + thickness] for z in range(0, 12, thickness)]
    found = np.concatenate(list(resample_stream(iter(blocks), *matrices, threads=2)))
    expected = truth.astype(np.float32)
    for axis, matrix in enumerate(matrices):
        expected = np.moveaxis(np.tensordot(matrix.toarray(), expected, axes=(1, axis)), 0, axis)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("block", [1, 64])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_blocks_stay_small_however_wide_and_thickly_chunked(dtype, block, whole):
    """Two blocks of the paper's width and their copies fit in 1 GB; narrow ones keep to chunks."""
    wide = Source("v", (5000, 5000, 5000), np.dtype(dtype), None, block=block)
    planes = _block_planes(wide, whole)
    assert 2 * planes * 25e6 * np.dtype(dtype).itemsize < 0.85e9
    narrow = Source("v", (500, 300, 300), np.dtype(dtype), None, block=block)
    assert _block_planes(narrow, whole) % block == 0


def test_grey_maps_are_linear_and_use_the_whole_range():
    values = np.linspace(-3, 5, 4096, dtype=np.float32).reshape(16, 16, 16)
    seen = np.ones(values.shape, np.uint8)
    blocks = [(values[:7], seen[:7]), (values[7:], seen[7:])]
    grey_map = measured_grey_map(blocks, values.shape, (0, 100), "v")
    stored = grey_map.apply(values)
    assert (stored.min(), stored.max()) == (0, 65535)
    undone = (stored - grey_map.offset) / grey_map.scale
    np.testing.assert_allclose(undone, values, atol=8 / 65535)
    signed = np.array([-32768, -5, 32767], np.int16)
    assert fixed_grey_map(signed.dtype).apply(signed).tolist() == [0, 32763, 65535]
    bytes_map = fixed_grey_map(np.dtype("u1"))
    assert bytes_map.apply(np.array([0, 1, 255], "u1")).tolist() == [0, 257, 65535]


@pytest.mark.parametrize("dtype", ["float32", ">f4", "float64", "int32"])
def test_command_records_how_to_undo_the_scaling(dtype, tmp_path):
    raw = np.random.default_rng(3).normal(-40, 900, (70, 66, 68)).astype(dtype)
    out = tmp_path / "ct.ome.zarr"
    settings = '{"voxel_size_um": 5, "float_percentiles": [1, 99]}'
    volume = write_tiff(tmp_path / "ct.tif", raw, photometric="minisblack")
    assert ingest(volume, out, settings=settings) == 0
    stored = omezarr.open_volume_pyramid(out)[0].array[:]
    record = recorded(out)["intensity"]
    low, high = np.percentile(raw, (1, 99))
    half_step = 0.5 / record["scale"]
    assert (65535 / record["scale"]) == pytest.approx(high - low, rel=1e-6)
    undone = (stored - record["offset"]) / record["scale"]
    inside = (raw >= low) & (raw <= high)
    np.testing.assert_allclose(undone[inside], raw[inside], atol=1.01 * half_step)
    clipped = np.clip(raw, low, high)
    np.testing.assert_allclose(undone, clipped, atol=2 * half_step)


@pytest.mark.parametrize("kind", DAMAGE)
def test_damaged_volume_is_refused_by_name(kind, truth, tmp_path, capsys):
    volume = damaged(kind, tmp_path, truth)
    assert ingest(volume, tmp_path / "out" / "ct.ome.zarr") == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert str(Path(volume.partition("::")[0])) in message
    assert re.search(DAMAGE[kind], message)
    assert not list((tmp_path / "out").glob("*"))


def test_missing_chunks_are_announced(truth, tmp_path, caplog):
    folder = Path(write_zarr(f"{tmp_path}/ct.zarr", truth))
    (folder / "c" / "1" / "0" / "0").unlink()
    assert (open_volume(str(folder)).read(5, 10)[:, :4, :4] == 0).all()
    assert "ct.zarr: 1 of 36 chunks are not there; they count as 0" in caplog.text


@pytest.mark.parametrize(
    ("size", "match"),
    [
        ("", "5,5,5 µm in the file"),
        ("6", "6,6,6 µm in the sheet but 5,5,5 µm .* write 6! to insist"),
        ("5,5", "'5,5' is not a size"),
        ("5,5!", "'5,5!' is not a size"),
        ("-5", "'-5' is not a size"),
    ],
)
def test_voxel_size_comes_from_sheet_and_metadata_in_agreement(
    size, match, truth, tmp_path, capsys
):
    out = tmp_path / "ct.ome.zarr"
    status = ingest(write_itk(tmp_path / "ct.nii", truth), out, size)
    if size:
        assert status == 1
        assert re.search(match, capsys.readouterr().err)
    else:
        assert status == 0
        assert recorded(out)["source_voxel_size_um"] == pytest.approx([5.0] * 3)


@pytest.mark.parametrize(("name", "size"), [("ct.nii", "6!"), ("ct.mha", "6"), ("ct.nrrd", "6")])
def test_the_sheet_wins_where_it_insists_or_the_file_names_no_unit(
    name, size, truth, tmp_path, caplog
):
    out = tmp_path / "ct.ome.zarr"
    assert ingest(write_itk(tmp_path / name, truth), out, size, '{"voxel_size_um": 6}') == 0
    np.testing.assert_array_equal(omezarr.open_volume_pyramid(out)[0].array[:], truth)
    assert re.search(
        "voxel_size_um is 6,6,6 µm as the sheet says; the file .* 5,5,5 µm", caplog.text
    )


def test_no_size_anywhere_and_far_too_coarse_are_errors(truth, tmp_path, capsys):
    volume = write_tiff(tmp_path / "ct.tif", truth, photometric="minisblack")
    assert ingest(volume, tmp_path / "o.ome.zarr", "") == 1
    assert "set voxel_size_um in the sheet" in capsys.readouterr().err
    assert ingest(volume, tmp_path / "o.ome.zarr", "100") == 1
    assert "set ingest.voxel_size_um to about 100" in capsys.readouterr().err


def test_tiff_metadata_gives_the_voxel_size(truth, tmp_path):
    sizes = {"PhysicalSizeX": 4.0, "PhysicalSizeY": 4.0, "PhysicalSizeZ": 0.005}
    meta = {"axes": "ZYX", **sizes, "PhysicalSizeZUnit": "mm"}
    ome = open_volume(write_tiff(tmp_path / "ct.ome.tif", truth, metadata=meta))
    assert ome.voxel_size_um == (5.0, 4.0, 4.0)
    meta = {"axes": "ZYX", "spacing": 5.0, "unit": "um"}
    imagej = write_tiff(
        tmp_path / "ij.tif", truth, imagej=True, metadata=meta, resolution=(0.25, 0.25)
    )
    assert open_volume(imagej).voxel_size_um == (5.0, 4.0, 4.0)


def test_ome_zarr_metadata_gives_the_voxel_size(truth, tmp_path):
    old = open_volume(write_ngff04(f"{tmp_path}/a.ome.zarr", truth))
    assert old.voxel_size_um == pytest.approx((5.0, 4.0, 4.0))
    assert open_volume(write_ngff05(tmp_path / "b.ome.zarr", truth)).voxel_size_um == (5.0,) * 3


def test_real_volumes(shared_data, tmp_path):
    bone = open_volume(str(shared_data / "trabecular-bone-lhdl"))
    assert (bone.shape, bone.dtype) == ((200, 200, 200), np.uint8)
    head = shared_data / "slide-containers" / "ct_head_vtk.mha"
    out = tmp_path / "head.ome.zarr"
    assert ingest(str(head), out, "", '{"voxel_size_um": 1600}') == 0
    level = omezarr.open_volume_pyramid(out)[0]
    found, measured = level.array[:], level.measured[:] > 0
    raw = sitk.GetArrayFromImage(sitk.ReadImage(str(head)))
    assert found.shape == (87, 128, 128)
    # outside the scanner's circle, 15 % of each plane, the file holds 0
    circle = binary_erosion((raw > 0).any(axis=0))
    assert found[measured].mean() == pytest.approx(raw[:, circle].mean(), rel=0.03)
    assert 0.75 < measured.mean() < circle.mean()
    brain = shared_data / "mouse-brain-2d3d" / "stack_50x40x40um.tif"
    assert open_volume(str(brain)).shape == (270, 193, 271)


def test_an_older_result_survives_a_failed_run(truth, tmp_path):
    out = tmp_path / "ct.ome.zarr"
    omezarr.write_volume_pyramid(out, truth, 5.0)
    with pytest.raises(ValueError, match="planes written of 13"):
        omezarr.write_volume_pyramid(out, iter([truth]), 5.0, (13, 10, 14), np.uint16)
    np.testing.assert_array_equal(omezarr.open_volume_pyramid(out)[0].array[:], truth)
    assert [path.name for path in tmp_path.iterdir()] == ["ct.ome.zarr"]
    shutil.rmtree(out / "0")
    with pytest.raises(InputError, match="not an OME-Zarr"):
        omezarr.open_volume_pyramid(out)
