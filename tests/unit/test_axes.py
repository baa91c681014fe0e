"""Which axes of a stored array are z, y and x, wherever axes of length 1 stand among them."""

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from virtual_staining.errors import InputError
from virtual_staining.readers.axes import spatial_axes
from virtual_staining.readers.open_raw import open_volume

VOLUME = np.random.default_rng(0).integers(1, 60000, (5, 6, 7)).astype("u2")


@given(st.lists(st.integers(0, 3), max_size=4), st.permutations("zyx"))
def test_axes_of_length_1_may_stand_anywhere(places, order):
    """Without names z, y and x stand in this order, with names in any."""
    lengths = dict(zip("zyx", VOLUME.shape, strict=True))
    names = list("zyx")
    for place in sorted(places, reverse=True):
        names.insert(place, "1")
    assert spatial_axes([lengths.get(n, 1) for n in names]) == tuple(map(names.index, "zyx"))
    named = [*order, *"ct"[: len(places)]]
    found = spatial_axes([lengths.get(n, 1) for n in named], named)
    assert found == tuple(map(named.index, "zyx"))


def test_one_plane_stays_a_plane():
    assert spatial_axes((1, 1, 6, 7)) == (1, 2, 3)
    assert spatial_axes((6, 7)) is None
    assert spatial_axes((2, 5, 6, 7)) is None


@pytest.mark.parametrize("name", ["c", "T", "time", "channel"])
def test_times_and_channels_are_no_planes(name, tmp_path):
    """Refused in Zarr and HDF5, where names are meant; in TIFF, where stacks are often called so,
    read with a word."""
    zarr.create_array(
        str(tmp_path / "a.zarr"), data=VOLUME, chunks=(5, 6, 7), dimension_names=[name, "y", "x"]
    )
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = VOLUME
        for axis, label in enumerate((name, "y", "x")):
            file["a"].dims[axis].label = label
    for volume in (tmp_path / "a.zarr", f"{tmp_path / 'a.h5'}::/a"):
        with pytest.raises(InputError, match=r"one grey|3D dataset"):
            open_volume(str(volume))


def test_a_tiff_of_time_points_is_read_with_a_word(tmp_path, caplog):
    path = tmp_path / "ct.tif"
    tifffile.imwrite(path, VOLUME, imagej=True, metadata={"axes": "TYX"})
    np.testing.assert_array_equal(open_volume(str(path)).read(0, 5), VOLUME)
    assert "stored as time points (T); they are read as planes along z" in caplog.text


def ngff(path, levels, names="zyx"):
    """An OME-Zarr with these levels: path, array or None, scale."""
    group = zarr.open_group(str(path), mode="w", zarr_format=2)
    for name, array, _ in levels:
        if array is not None:
            group.create_array(name, data=array, chunks=array.shape)
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in names]
    datasets = [
        {"path": name, "coordinateTransformations": [{"type": "scale", "scale": [um] * len(names)}]}
        for name, _, um in levels
    ]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return str(path)


def test_the_finest_level_wherever_it_stands(tmp_path):
    coarse = VOLUME[::2, ::2, ::2]
    source = open_volume(ngff(tmp_path / "a.zarr", [("0", coarse, 10.0), ("1", VOLUME, 5.0)]))
    assert source.voxel_size_um == (5.0, 5.0, 5.0)
    np.testing.assert_array_equal(source.read(0, 5), VOLUME)


@pytest.mark.parametrize(
    ("levels", "names", "words"),
    [
        ([("0", VOLUME, 5.0)], "czyx", r"name 4 axes, and its level '0' has 3"),
        ([("0", VOLUME, 5.0), ("1", None, 5.0)], "zyx", "the level '1', which is not there"),
        ([], "zyx", "name no level"),
    ],
)
def test_levels_that_are_not_what_the_metadata_say(levels, names, words, tmp_path):
    with pytest.raises(InputError, match=rf"^\S+a\.zarr: .*{words}"):
        open_volume(ngff(tmp_path / "a.zarr", levels, names))
