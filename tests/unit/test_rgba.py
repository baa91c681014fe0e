"""The stained volume's OME-Zarr: all channels in one chunk, the same voxels for every reader."""

import json

import numpy as np
import pytest
import tifffile
import zarr

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.rgba import open_rgba, write_rgba
from virtual_staining.artefacts.storage.pyramid import chunk_size
from virtual_staining.artefacts.volume import volume_attributes, write_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.imaging.halving import halve


@pytest.fixture(scope="module")
def truth():
    return np.random.default_rng(0).integers(0, 256, (4, 90, 130, 1100), np.uint8)


@pytest.fixture(scope="module")
def written(truth, tmp_path_factory):
    folder = StainedVolumeFolder(tmp_path_factory.mktemp("rgba"))
    slabs = (truth[:, z : z + 7] for z in range(0, 90, 7))
    deviations = (truth[0, z : z + 7] / np.float32(2) for z in range(0, 90, 7))
    write_rgba(folder, slabs, truth.shape[1:], 5.0, (2.0, -3.0), "z", deviations)
    return folder.zarr


def test_a_chunk_holds_all_channels_and_every_level_its_voxels(truth, written):
    levels = open_rgba(written)
    assert levels[0].array.chunks == (4, 64, 64, 64)
    assert levels[0].array.shards == (4, 64, 192, 1024)
    assert volume_attributes(written)["format"] == 2
    expected = truth
    for level in levels:  # zarr's own codec is the independent reader
        np.testing.assert_array_equal(level.array[:], expected)
        expected = halve(expected)
    assert max(levels[-1].array.shape[1:]) <= 64


def test_tifffile_reads_axes_spacing_and_unit(truth, written):
    with tifffile.TiffFile(StainedVolumeFolder(written.parent).tiff) as file:
        series = file.series[0]
        assert (series.axes, series.shape) == ("ZYXS", (*truth.shape[1:], 4))
        pixels = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Pixels"]
        assert {pixels[f"PhysicalSize{axis}"] for axis in "XYZ"} == {5.0}
        assert {pixels[f"PhysicalSize{axis}Unit"] for axis in "XYZ"} == {"µm"}
        tags = file.pages.first.tags
        unit, (above, below) = tags["ResolutionUnit"].value, tags["XResolution"].value
        assert unit == tifffile.RESUNIT.CENTIMETER and above / below == 2000  # of 5 µm
        np.testing.assert_array_equal(series.asarray(), np.moveaxis(truth, 0, -1))


def test_volumes_of_single_channel_chunks_are_read_as_well(truth, tmp_path):
    """What version 0.1.0 wrote, by zarr itself."""
    part = truth[:, :40, :50, :60]
    write_volume_pyramid(tmp_path / "old", part, 5.0)
    group = zarr.open_group(tmp_path / "old", mode="a")
    del group.attrs["virtual_staining"]
    group.create_array("0", data=part, chunks=(1, 16, 50, 60), shards=(4, 16, 50, 60),
                       overwrite=True)  # fmt: skip
    np.testing.assert_array_equal(open_rgba(tmp_path / "old")[0].array[:], part)


def test_what_is_no_stained_volume_is_refused(written, tmp_path):
    write_volume_pyramid(tmp_path / "ct", np.zeros((8, 9, 10), np.uint16), 5.0)
    with pytest.raises(InputError, match=r"ct: uint16 of shape \(8, 9, 10\) is no stained volume"):
        open_rgba(tmp_path / "ct")
    later = tmp_path / "later"
    write_volume_pyramid(later, np.zeros((4, 8, 9, 10), np.uint8), 5.0, attributes={"format": 9})
    assert json.loads((later / "zarr.json").read_text())["attributes"]["virtual_staining"]
    with pytest.raises(InputError, match="format: 9 is unknown to version"):
        open_rgba(later)


def test_layers_fit_into_memory_however_wide_the_volume():
    for side in (100, 1200, 2000, 4000):
        depth, height, width = chunk_size((4, side, side, side), 1)
        assert depth in (16, 32, 64) and (height, width) == (64, 64)
        assert 4 * depth * side**2 <= 1.1 * 2**30
    assert chunk_size((4, 1200, 1200, 1200), 1)[0] == 64
    assert chunk_size((1200, 1200, 1200), 2) == (32, 128, 128)


def test_a_folder_that_is_no_volume_is_refused_with_what_to_give(tmp_path):
    with pytest.raises(InputError, match=r"is no OME-Zarr; give the rgba\.ome\.zarr of a stained"):
        open_rgba(tmp_path)
