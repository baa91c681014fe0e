"""Folders of slices: which files belong to the series, in which order, and what is refused."""

import random
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from virtual_staining.errors import InputError
from virtual_staining.readers.open_raw import open_volume
from virtual_staining.readers.slice_names import in_order

FOLDER = Path("scan")
TEXT = st.text(alphabet="abcXY _-.()#µ", max_size=6)
FIXED = st.sampled_from(["", "2024-03-07_", "M12_", "5um.", "Sample 3 "])


def order(*names):
    files = [FOLDER / f"{name}.tif" for name in names]
    random.Random(0).shuffle(files)
    return [path.stem for path in in_order(FOLDER, files)]


def refusal(*names):
    with pytest.raises(InputError) as error:
        order(*names)
    assert str(error.value).startswith("scan: ")
    return str(error.value)


@settings(max_examples=100, deadline=None)
@given(FIXED, TEXT, TEXT, st.sampled_from(["", ".rec.8bit", "_ch00", " 16bit"]), st.integers(0, 99),
       st.integers(1, 12), st.integers(2, 30), st.integers(0, 6))  # fmt: skip
def test_one_number_that_rises_by_one_step_gives_the_order(
    fixed, before, after, end, first, step, count, width
):
    """Other numbers, letters of any case and any width of the number change nothing."""
    if before.endswith("-") or before[-2:-1].isdigit() or before.endswith("."):
        before += "z"
    names = [f"{fixed}{before}{first + step * z:0{width}}{after}{end}" for z in range(count)]
    cased = [name.upper() if z % 3 else name for z, name in enumerate(names)]
    assert order(*names) == names
    assert order(*cased) == cased


@settings(max_examples=50, deadline=None)
@given(st.integers(4, 30), st.data())
def test_a_missing_slice_is_named(count, data):
    numbers = list(range(count))
    lost = data.draw(st.sampled_from(numbers[1:-1]))
    names = [f"wood_0{z:04d}.rec.8bit" for z in numbers if z != lost]
    said = refusal(*names)
    assert f"slice {lost} is missing between wood_0{lost - 1:04d}.rec.8bit.tif" in said or count < 5


@pytest.mark.parametrize(
    "names",
    [
        ["z0", "z0.25", "z0.5", "z0.75", "z1", "z1.25"],
        ["z0,0", "z0,5", "z1,0", "z1,5", "z2,0"],
        ["z-0.5", "z-0.25", "z0", "z0.25", "z0.5"],
        ["p_0.00", "p_0.33", "p_0.67", "p_1.00", "p_1.33"],
        ["v1.8", "v1.9", "v1.10", "v1.11", "v1.12"],
        ["115901_s1", "115904_s2", "115905_s3", "120001_s4"],
        ["slice (1)", "slice (2)", "slice (3)", "slice (10)"][:3],
        ["s#1", "s#2", "s#3"],
    ],
)
def test_positions_versions_and_times(names):
    assert order(*names) == names


@pytest.mark.parametrize(
    ("names", "step"),
    [(["s0", "s2", "s4"], 2), (["z010um", "z020um", "z030um"], 10), (["s1", "s2", "s3"], 0),
     (["z0.0", "z0.5", "z1.0"], 0), (["s1_of_3", "s2_of_3", "s3_of_3"], 0),
     (["s1_10", "s2_20"], 0)],
)  # fmt: skip
def test_a_step_of_more_than_one_is_announced(names, step, caplog):
    """Slices may have been left out; decimals are positions."""
    assert order(*names) == names
    assert (f"the numbers of its slices rise by {step};" in caplog.text) == bool(step)
    assert bool(caplog.text) == bool(step)


def numbered(pattern, count=12):
    return [pattern.format(z) for z in range(count)]


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (["average"], ["average.tif", "out of the folder"]),
        (
            numbered("mask_{:04d}"),
            ["beside 12 slices as", "12 files as", "slice_0000.tif", "mask_0000.tif"],
        ),
        (["slice_4"], ["slice_0004.tif and slice_4.tif have the same number"]),
        (["slice_0020"], ["8 slices are missing between slice_0011.tif and slice_0020.tif"]),
        (["SLICE_0004"], ["have the same number"]),
    ],
)
def test_what_does_not_belong_to_the_series_is_named(odd, words):
    said = refusal(*numbered("slice_{:04d}"), *odd)
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (numbered("s1_{:03d}") + numbered("s2_{:03d}"), ["12 slices as s1_000", "12 slices as s2"]),
        (numbered("z{:03d}_ch0") + numbered("z{:03d}_ch1"), ["several series", "z000_ch1.tif"]),
        (["front", "back", "top"], ["do not differ in one number", "name_0001"]),
        (["0.5", "0.25"], ["either 0.25.tif or 0.5.tif", "rename"]),
        (["s0", "s10", "s20", "s25", "s30", "s40"], ["rise by 10, but by 5 to s25.tif"]),
        (["s1_9", "s2_8", "s3_7"], ["different orders"]),
    ],
)
def test_names_that_are_no_one_series(names, words):
    said = refusal(*names)
    for word in words:
        assert word in said


# ---- with their contents -------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    volume = np.random.default_rng(0).integers(1, 60000, (6, 5, 7)).astype(np.uint16)
    (tmp_path / "scan").mkdir()
    for z, plane in enumerate(volume):
        tifffile.imwrite(tmp_path / "scan" / f"slice_{z:04d}.tif", plane)
    return tmp_path / "scan", volume


def test_projections_previews_and_exact_copies_are_left_out_with_a_warning(folder, caplog):
    path, volume = folder
    tifffile.imwrite(path / "AVG_slice.tif", volume.mean(0).astype(np.uint16))
    tifffile.imwrite(path / "slice_rec_spr.tif", volume[0, :3])
    for name in ("slice_0004 - Copy.tif", "Copy of slice_0004.tif"):
        (path / name).write_bytes((path / "slice_0004.tif").read_bytes())
    np.testing.assert_array_equal(open_volume(str(path)).read(0, 6), volume)
    for name in ("AVG_slice.tif", "slice_rec_spr.tif", "slice_0004 - Copy.tif", "Copy of slice"):
        assert name in caplog.text


@pytest.mark.parametrize("name", ["slice_0004 (1)", "slice_0004 - Kopie", "Copie de slice_0004"])
def test_a_copy_that_differs_is_refused(folder, name):
    path, volume = folder
    tifffile.imwrite(path / f"{name}.tif", volume[3])
    with pytest.raises(InputError) as error:
        open_volume(str(path))
    assert f"beside 6 slices as slice_0000.tif it holds {name}.tif" in str(error.value)


def test_pictures_of_another_format(folder):
    path, volume = folder
    for z in range(3):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(path / f"slice_{z:04d}.png")
    assert open_volume(str(path)).shape == volume.shape  # previews of the slices beside them
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path / "slice_0006.png")
    with pytest.raises(InputError, match=r"6 slices as slice_0000\.tif and 4 as slice_0000\.png"):
        open_volume(str(path))


def test_a_stray_tiff_beside_slices_of_another_format(tmp_path):
    volume = np.random.default_rng(0).integers(1, 250, (5, 4, 6)).astype(np.uint8)
    for z, plane in enumerate(volume):
        Image.fromarray(plane).save(tmp_path / f"rec{z:04d}.bmp")
    tifffile.imwrite(tmp_path / "shade.tif", volume[0])
    np.testing.assert_array_equal(open_volume(str(tmp_path)).read(0, 5), volume)
