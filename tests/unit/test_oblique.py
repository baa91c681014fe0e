"""Oblique planes against the planes that pairs are made of, whatever the chunks."""

import numpy as np
import pytest
import zarr

from virtual_staining.imaging.ct_plane import ct_plane
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap, pose_to_map
from virtual_staining.imaging.oblique import cut_plane


@pytest.fixture(scope="module")
def volume():
    rng = np.random.default_rng(0)
    return rng.integers(0, 65536, (70, 80, 90)).astype(np.uint16)


@pytest.fixture(scope="module")
def oblique():
    u, v = np.array([0.8, 0.6, 0.1]), np.array([-0.3, 0.5, 0.8])
    return PlaneGrid((120, 150), 2.0, pose_to_map((225, 200, 175), u, v, (300, 240)))


@pytest.mark.parametrize("thickness", [0.0, 22.0])
def test_planes_are_those_of_the_pairs(volume, oblique, thickness):
    expected = ct_plane(volume, 5.0, oblique.to_volume, oblique.shape, 2.0, thickness)
    found, inside = cut_plane(volume, 5.0, oblique, thickness, threads=2)
    assert inside.all() and found.dtype == np.uint16
    np.testing.assert_allclose(found.astype(float), expected, atol=1)


@pytest.mark.parametrize("chunks", [(16, 32, 32), (64, 64, 64), (7, 11, 90)])
def test_chunks_do_not_change_a_plane(volume, oblique, chunks, monkeypatch):
    monkeypatch.setattr("virtual_staining.imaging.oblique.TILE_PX", 40)
    expected, _ = cut_plane(volume, 5.0, oblique)
    stored = zarr.create_array({}, data=volume, chunks=chunks)
    np.testing.assert_array_equal(cut_plane(stored, 5.0, oblique)[0], expected)


def test_only_chunks_that_the_plane_crosses_are_read(volume):
    class Spy:
        shape, ndim, dtype, chunks = volume.shape, 3, volume.dtype, (10, 20, 30)
        read = ()

        def __getitem__(self, place):
            self.read += (tuple(part.start for part in place[1:]),)
            return volume[place]

    spy = Spy()
    frame = SectionMap(np.array([0, 0, 177.0]), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
    image, _ = cut_plane(spy, 5.0, PlaneGrid((80, 90), 5.0, frame))
    # z = 177 µm lies between the voxels 34 and 35
    assert sorted(spy.read) == [(30, y, x) for y in (0, 20, 40, 60) for x in (0, 30, 60)]
    middle = volume[34] * 0.1 + volume[35] * 0.9
    np.testing.assert_allclose(image, middle, atol=0.51)


def test_colours_keep_their_channels_and_the_outside_stays_empty(volume):
    colours = (volume[None, :, :, :40] >> np.array([8, 9, 10, 11])[:, None, None, None]).astype(
        "u1"
    )
    frame = SectionMap(np.array([-50, 0, 102.5]), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
    image, inside = cut_plane(colours, 5.0, PlaneGrid((80, 90), 5.0, frame))
    np.testing.assert_array_equal(image[:, 10:50], np.moveaxis(colours[:, 20], 0, -1))
    assert inside[:, 10:50].all() and not inside[:, :10].any() and not inside[:, 50:].any()
    assert not image[~inside].any()
    thick, partly = cut_plane(
        np.full((4, 4, 4), 200, np.uint8), 5.0,
        PlaneGrid((4, 4), 5.0, SectionMap(np.zeros(3), frame.u, frame.v)), 20.0,
    )  # fmt: skip
    assert partly.all() and (thick == 200).all()  # of a half outside, the other half counts
