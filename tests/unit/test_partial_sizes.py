"""Sizes that a file gives for some axes alone: they bind the sheet on these axes."""

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_volumes import write_folder

from virtual_staining.errors import InputError
from virtual_staining.readers.open_raw import open_slide, open_volume
from virtual_staining.readers.pixel_sizes import origin, slide_size, volume_size

VOLUME = np.random.default_rng(0).integers(1, 60000, (5, 6, 7)).astype("u2")
few = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def ome(folder, um):
    path = folder / "ct.ome.tif"
    sizes = {"PhysicalSizeX": um, "PhysicalSizeY": um}
    tifffile.imwrite(path, VOLUME, ome=True, metadata={"axes": "ZYX", **sizes})
    return path


def imagej(folder, um):
    path = folder / "ct.tif"
    metadata = {"axes": "ZYX", "unit": "micron"}
    tifffile.imwrite(path, VOLUME, imagej=True, resolution=(1 / um, 1 / um), metadata=metadata)
    return path


def centimetres(um):
    return {"resolution": (1e4 / um, 1e4 / um), "resolutionunit": "CENTIMETER", "metadata": None}


def stack(folder, um):
    path = folder / "ct.tif"
    tifffile.imwrite(path, VOLUME, photometric="minisblack", **centimetres(um))
    return path


def slices(folder, um):
    return write_folder(folder / "ct", VOLUME, photometric="minisblack", **centimetres(um))


@few
@given(
    write=st.sampled_from([ome, imagej, stack, slices]),
    um=st.floats(0.3, 15),
    ratio=st.sampled_from([1.0, 1.004, 0.5, 1.1, 10.0]),
    mark=st.sampled_from(["", "!"]),
)
def test_y_and_x_bind_the_sheet(tmp_path_factory, write, um, ratio, mark):
    """z is the sheet's alone; y and x must agree, or the sheet insist."""
    source = open_volume(str(write(tmp_path_factory.mktemp("v"), um)))
    assert source.voxel_size_um == pytest.approx((np.nan, um, um), rel=1e-4, nan_ok=True)
    with pytest.raises(InputError, match=r"gives a size of \?,.* µm, of which an axis is missing"):
        volume_size(source, "")
    sheet = (3 * um, ratio * um, ratio * um)
    cell = ",".join(f"{size:.6g}" for size in sheet) + mark
    if mark or ratio < 1.01 <= ratio * 1.01:
        assert volume_size(source, cell) == pytest.approx(sheet, rel=1e-4)
        assert origin(cell, source.voxel_size_um).startswith("sheet")
        return
    with pytest.raises(InputError, match=r"µm in the sheet but \?,.* to insist on the sheet's"):
        volume_size(source, cell)


def test_slices_that_give_all_three(tmp_path):
    sizes = {f"PhysicalSize{axis}": um for axis, um in zip("ZYX", (6.0, 5.0, 4.0), strict=True)}
    (tmp_path / "ct").mkdir()
    for z, plane in enumerate(VOLUME):
        path = tmp_path / "ct" / f"s{z}.ome.tif"
        tifffile.imwrite(path, plane, ome=True, metadata={"axes": "YX", **sizes})
    assert open_volume(str(tmp_path / "ct")).voxel_size_um == (6.0, 5.0, 4.0)


def test_a_slide_of_one_known_side(tmp_path):
    path = tmp_path / "s.ome.tif"
    image = np.random.default_rng(0).integers(0, 255, (8, 9, 3)).astype("u1")
    metadata = {"axes": "YXS", "PhysicalSizeX": 0.5}
    tifffile.imwrite(path, image, photometric="rgb", ome=True, metadata=metadata)
    slide = open_slide(path)
    assert slide_size(slide, "0.5") == (0.5, 0.5)
    with pytest.raises(InputError, match=r"slide_pixel_um is 0\.25,0\.25 µm .* but \?,0\.5 µm"):
        slide_size(slide, "0.25")
