"""Raw volumes in DICOM: a folder with a file a slice, among other files and other series."""

import contextlib
import locale
import re

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from raw_volumes import SHAPE, the_same

from virtual_staining.errors import InputError
from virtual_staining.readers.open_raw import open_volume


@pytest.fixture
def truth():
    return np.random.default_rng(0).integers(1, 60000, SHAPE).astype(np.uint16)


@contextlib.contextmanager
def dicom_writer():
    """ITK's writer, which leaves the locale "C", in which no UTF-8 is read."""
    before = locale.setlocale(locale.LC_ALL)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    yield writer
    locale.setlocale(locale.LC_ALL, before)


def write_dicom(folder, volume, step_mm=0.006, series="1.2.3", tilt=0.0, slopes=None):
    """Slices whose names are not in their order; at one position with a step of 0.

    Each is displaced along its columns by ``tilt`` times the step; ``slopes`` has one a slice.
    """
    folder.mkdir(exist_ok=True)
    with dicom_writer() as writer:
        for z, plane in enumerate(volume):
            image = sitk.GetImageFromArray(plane)
            image.SetSpacing((0.004, 0.005))
            tags = {"0008|0060": "CT", "0020|000d": "1.2", "0020|000e": series,
                    "0008|0018": f"{series}.{z + 1}", "0020|0013": str(z + 1),
                    "0020|0032": f"0\\{tilt * step_mm * z:g}\\{step_mm * z:g}",
                    "0020|0037": "1\\0\\0\\0\\1\\0"}  # fmt: skip
            if slopes is not None:
                tags |= {"0028|1052": "0", "0028|1053": f"{slopes[z]:g}"}
            for tag, value in tags.items():
                image.SetMetaData(tag, value)
            writer.SetFileName(str(folder / f"{series}_{(z * 7) % len(volume):04d}.dcm"))
            writer.Execute(image)


def test_dicom(truth, tmp_path):
    folder = tmp_path / "scan"
    write_dicom(folder, truth)
    for path in folder.glob("*_000*.dcm"):  # names without an end are common
        path.rename(path.with_suffix(""))
    (folder / "DICOMDIR.txt").write_text("no slice")
    the_same(folder, truth, (6, 5, 4))
    next(folder.glob("*_0007*")).unlink()
    with pytest.raises(
        InputError, match=r"0\.012 mm apart, the others 0\.006 mm; a slice is missing"
    ):
        open_volume(str(folder))


def test_pictures_beside_dicom_are_no_slices(truth, tmp_path):
    folder = tmp_path / "scan"
    write_dicom(folder, truth)
    Image.fromarray(np.zeros((5, 5), "u1")).save(folder / "preview.png")
    Image.fromarray(np.zeros((5, 5, 3), "u1")).save(folder / "scan.jpg")
    the_same(folder, truth, (6, 5, 4))


def test_dicom_of_two_pixel_sizes_is_refused(truth, tmp_path):
    write_dicom(tmp_path / "scan", truth)
    odd = sorted((tmp_path / "scan").iterdir())[3]
    image = sitk.ReadImage(str(odd))
    image.SetSpacing((0.007, 0.007, 0.006))
    with dicom_writer() as writer:
        writer.SetFileName(str(odd))
        writer.Execute(image)
    with pytest.raises(
        InputError, match=r"pixels of 0\.007 x 0\.007 mm, but .* of 0\.005 x 0\.004 mm"
    ):
        open_volume(str(tmp_path / "scan"))


def test_folder_of_folders_is_told(truth, tmp_path):
    (tmp_path / "all").mkdir()
    write_dicom(tmp_path / "all" / "scan", truth)
    with pytest.raises(InputError, match="not a known volume container; name one of its folders"):
        open_volume(str(tmp_path / "all"))


def test_dicom_without_positions_is_sorted_by_its_numbers(truth, tmp_path, caplog):
    write_dicom(tmp_path / "scan", truth, step_mm=0)
    the_same(tmp_path / "scan", truth, (np.nan, 5, 4))
    assert "no positions; they are sorted by their numbers" in caplog.text


def test_dicom_of_which_0_is_white(truth, tmp_path):
    write_dicom(tmp_path / "scan", truth)
    for path in (tmp_path / "scan").iterdir():
        path.write_bytes(path.read_bytes().replace(b"MONOCHROME2", b"MONOCHROME1"))
    the_same(tmp_path / "scan", 65535 - truth, (6, 5, 4))


def test_two_series_of_dicom_are_to_be_named(truth, tmp_path):
    write_dicom(tmp_path / "scan", truth[:4])
    write_dicom(tmp_path / "scan", truth[4:], series="1.2.4")
    with pytest.raises(InputError, match=r"2 DICOM series; .*scan::series .*\(4 files\)") as error:
        open_volume(f"{tmp_path}/scan")
    named = re.findall(r"(\S+) \(8 files\)", str(error.value))[0]
    the_same(f"{tmp_path}/scan::{named}", truth[4:], (6, 5, 4))


def test_each_slice_has_its_own_slope(truth, tmp_path):
    """As PET scanners write them, so that every slice uses the whole range of its 16 bits."""
    slopes = np.arange(1, len(truth) + 1)
    values = truth % 1000 * slopes[:, None, None]  # the writer divides them by the slope
    write_dicom(tmp_path / "scan", values.astype(np.int16), slopes=slopes)
    the_same(tmp_path / "scan", values, (6, 5, 4))


def test_slices_of_a_tilted_gantry_are_refused(truth, tmp_path):
    write_dicom(tmp_path / "straight", truth, tilt=0.01)
    the_same(tmp_path / "straight", truth, (6, 5, 4))
    write_dicom(tmp_path / "scan", truth, tilt=0.3)
    with pytest.raises(
        InputError, match=r"displaced sideways by 0\.0198 mm within 0\.066 mm .a tilted gantry"
    ):
        open_volume(str(tmp_path / "scan"))


def last_slice(folder, truth):
    return folder / f"1.2.3_{((len(truth) - 1) * 7) % len(truth):04d}.dcm"


@pytest.mark.parametrize("kept", [-50, 300, 140])
def test_a_damaged_slice_at_the_end_is_not_left_out(kept, truth, tmp_path):
    """The library leaves it out; without it the series looks whole."""
    write_dicom(tmp_path / "scan", truth)
    path = last_slice(tmp_path / "scan", truth)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=f"{path.name}: cannot be read as DICOM; is it damaged"):
        open_volume(str(tmp_path / "scan"))


def test_files_of_other_kinds_beside_the_slices(truth, tmp_path, caplog):
    """A directory says nothing new, a report is named."""
    write_dicom(tmp_path / "scan", truth)
    kinds = {"DICOMDIR": b"1.2.840.10008.1.3.10", "report": b"1.2.840.10008.5.1.4.1.1.88.22"}
    for name, kind in kinds.items():
        tag = b"\x02\x00\x02\x00UI" + len(kind).to_bytes(2, "little") + kind
        (tmp_path / "scan" / name).write_bytes(bytes(128) + b"DICM" + tag)
    the_same(tmp_path / "scan", truth, (6, 5, 4))
    assert "1 DICOM files hold no image that can be read and are left out: report" in caplog.text


def test_a_series_of_which_nothing_can_be_read(truth, tmp_path):
    write_dicom(tmp_path / "scan", truth)
    for path in (tmp_path / "scan").iterdir():
        path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="scan: none of its DICOM files can be read as an image"):
        open_volume(str(tmp_path / "scan"))


def test_a_number_is_missing_where_slices_have_no_positions(truth, tmp_path):
    write_dicom(tmp_path / "scan", truth, step_mm=0)
    (tmp_path / "scan" / f"1.2.3_{(4 * 7) % len(truth):04d}.dcm").unlink()
    with pytest.raises(InputError, match=r"has the number 4, .* the number 6, .* slice is missing"):
        open_volume(str(tmp_path / "scan"))


def test_values_in_the_upper_bits_are_refused(truth, tmp_path):
    """12 bits that end at bit 15 in place of 11: the library would cut their upper bits off."""
    write_dicom(tmp_path / "scan", truth)
    stored = b"\x28\x00\x01\x01\x02\x00\x00\x00"  # the tag, and the length of its value
    for path in (tmp_path / "scan").iterdir():
        before, after = path.read_bytes().split(stored)
        assert after.startswith(b"\x10\x00")
        path.write_bytes(before + stored + b"\x0c" + after[1:])
    with pytest.raises(InputError, match="values of 12 bits end at bit 15 and not at 11"):
        open_volume(str(tmp_path / "scan"))
