"""Sizes that cannot be meant: refused from the headers, with the numbers and the likely cause."""

import numpy as np
import pytest
import tifffile

from virtual_staining.artefacts.slide import open_slide_pyramid, write_slide_pyramid
from virtual_staining.artefacts.volume import open_volume_pyramid, write_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.ingest.convert_slide import ingest_slide
from virtual_staining.ingest.convert_volume import ingest_volume
from virtual_staining.readers.open_raw import open_slide
from virtual_staining.readers.plausible import (
    check_alike,
    check_searchable,
    check_slide_size,
    check_volume_size,
)
from virtual_staining.readers.source import Source
from virtual_staining.register.inputs import check_sizes
from virtual_staining.settings.ingest import IngestSettings

VOLUME = (2000, 1800, 1600)


def unread(shape):
    """A volume of which no plane may be read."""

    def read(z0, z1):
        raise AssertionError("read before the sizes were checked")

    return Source("ct.tif", shape, np.dtype("u2"), read)


@pytest.mark.parametrize(
    ("shape", "size_um", "words"),
    [
        (VOLUME, (0.005,) * 3, "0.005 may be millimetres: write voxel_size_um in µm .5!."),
        (VOLUME, (5000.0,) * 3, "1e.04 x 9e.03 x 8e.03 mm .* more than 500 mm"),
        ((20, 20, 20), (5000.0,) * 3, "voxels of 5000 µm or more .* voxel_size_um in µm"),
        ((1, 100, 100), (5.0,) * 3, "one voxel along z"),
        ((100, 100, 1), (5.0,) * 3, "one voxel along x"),
        ((300, 100, 100), (1000.0, 5.0, 5.0), "1000 µm long along z.*300 planes.*60000"),
    ],
)
def test_an_absurd_volume_is_refused_before_a_plane_is_read(tmp_path, shape, size_um, words):
    settings = IngestSettings(voxel_size_um=5.0)
    with pytest.raises(InputError, match=rf"^ct\.tif: .*{words}"):
        ingest_volume(unread(shape), size_um, settings, tmp_path / "ct.ome.zarr", 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("size_um", "working_um"), [((0.7,) * 3, 12.0), ((5.0,) * 3, 5.0), ((20.0, 4.0, 4.0), 4.0)]
)
def test_sizes_that_people_have_pass(size_um, working_um, caplog):
    check_volume_size("ct.tif", VOLUME, size_um, working_um)
    assert caplog.text == ""


def test_a_scan_that_would_only_be_interpolated_warns(caplog):
    check_volume_size("ct.tif", VOLUME, (10.0, 12.0, 12.0), 5.0)
    assert "ct.tif: voxels of 10 µm are interpolated to 5 µm" in caplog.text
    assert "set ingest.voxel_size_um to 10" in caplog.text


def test_a_slide_in_millimetres_is_refused_and_not_called_empty(tmp_path):
    tifffile.imwrite(tmp_path / "s.tif", np.full((60, 80, 3), 200, "u1"), photometric="rgb")
    slide = open_slide(tmp_path / "s.tif")
    with pytest.raises(InputError, match=r"s\.tif: .* 0\.0005 may be millimetres.*slide_pixel_um"):
        ingest_slide(slide, (0.0005, 0.0005), 0.5, tmp_path / "slide.ome.tif")


def test_a_slide_of_metres_is_refused():
    with pytest.raises(InputError, match=r"4e.03 x 5e.03 mm .*slide_pixel_um.*\(25!\)"):
        check_slide_size("s.tif", (160, 200, 3), (25000.0, 25000.0), 25.0)
    check_slide_size("s.tif", (160_000, 200_000), (0.25, 0.25), 0.5)


@pytest.mark.parametrize(("volume_mm", "section_mm"), [(10, 150), (150, 10)])
def test_a_tenfold_difference_stops_the_search_and_warns_near_a_pose(volume_mm, section_mm, caplog):
    sizes = [volume_mm * 1000.0] * 3, [section_mm * 1000.0] * 2
    with pytest.raises(InputError, match=r"sample S-1: the slide is .* times larger.*slide_pixel"):
        check_alike("S-1", *sizes, searched=True)
    check_alike("S-1", *sizes, searched=False)
    assert "times larger" in caplog.text


def test_a_small_section_of_a_larger_volume_is_searched():
    check_alike("S-1", [60_000.0] * 3, [12_000.0, 8_000.0], searched=True)


@pytest.mark.parametrize(
    ("planes", "searched", "good"),
    [(2, True, False), (2, False, True), (1, False, False), (4, True, True)],
)
def test_too_few_planes_are_told(planes, searched, good):
    if good:
        check_searchable("ct", (planes, 50, 50), 5.0, searched=searched)
        return
    with pytest.raises(InputError, match=rf"ct: too thin: {planes} voxels? of 5 µm along z"):
        check_searchable("ct", (planes, 50, 50), 5.0, searched=searched)


def test_registration_compares_the_written_sizes(tmp_path):
    grey = np.arange(30 * 30 * 30, dtype="u2").reshape(30, 30, 30)
    write_volume_pyramid(tmp_path / "ct.ome.zarr", grey, 10.0)
    image = np.zeros((40, 50, 3), "u1")
    for name, pixel_um in (("same", 5.0), ("metres", 500.0)):
        write_slide_pyramid(tmp_path / f"{name}.ome.tif", image, pixel_um, pixel_um, (40, 50), 1)
    volume = open_volume_pyramid(tmp_path / "ct.ome.zarr")
    check_sizes("ct", "S-1", volume, open_slide_pyramid(tmp_path / "same.ome.tif"), searched=True)
    metres = open_slide_pyramid(tmp_path / "metres.ome.tif")
    with pytest.raises(InputError, match=r"S-1: the slide is 25 x 20 mm and the volume 0\.3"):
        check_sizes("ct", "S-1", volume, metres, searched=True)
