"""Volumes as the makers of CT scanners store them, written by hand from their descriptions."""

import struct

import numpy as np
import olefile
import py_aimio
import pytest
from ole_file import write_ole
from raw_volumes import SHAPE

from virtual_staining.errors import InputError
from virtual_staining.readers.open_raw import open_volume


@pytest.fixture
def truth():
    return np.random.default_rng(0).integers(-30000, 30000, SHAPE).astype(np.int16)


def the_same(path, volume, size_um):
    source = open_volume(str(path))
    assert (source.shape, source.dtype) == (volume.shape, volume.dtype)
    parts = [source.read(z, min(z + 5, len(volume))) for z in range(0, len(volume), 5)]
    np.testing.assert_array_equal(np.concatenate(parts), volume)
    assert source.voxel_size_um == (None if size_um is None else pytest.approx(size_um))


def refused(path, match):
    with pytest.raises(InputError, match=rf"{path.name}: .*{match}"):
        source = open_volume(str(path))
        source.read(0, source.shape[0])


# ---- Scanco --------------------------------------------------------------------------------------


def write_isq(path, volume, edges_um=(72, 50, 56), blocks=3):
    header = bytearray(512 * (blocks + 1))
    header[:16] = b"CTDATA-HEADER_V1"
    struct.pack_into("<3i3i", header, 44, *volume.shape[::-1], *edges_um[::-1])
    struct.pack_into("<i", header, 508, blocks)
    path.write_bytes(bytes(header) + volume.tobytes())
    return path


def test_isq(truth, tmp_path):
    the_same(write_isq(tmp_path / "ct.isq", truth), truth, (6, 5, 4))
    the_same(write_isq(tmp_path / "CT.ISQ;1", truth, (0, 50, 56)), truth, None)


def test_damaged_isq(truth, tmp_path):
    path = write_isq(tmp_path / "ct.isq", truth)
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    refused(path, "is it truncated")
    path.write_bytes(data[:200])
    refused(path, "does not begin as a Scanco ISQ")
    path.write_bytes(data[:44] + struct.pack("<i", -1) + data[48:])
    refused(path, "12 x 10 x -1 voxels; is it damaged")


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_aim(dtype, truth, tmp_path):
    """Written by AimIO: 16 bits are read in parts, floats whole."""
    volume = truth.astype(dtype)
    path = tmp_path / "ct.AIM"
    py_aimio.write_aim(str(path), volume, {"element_size": (0.004, 0.005, 0.006)})
    the_same(path, volume, (6, 5, 4))
    the_same(path.rename(tmp_path / "CT.AIM;12"), volume, (6, 5, 4))
    (tmp_path / "CT.AIM;12").rename(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused(path, "is it truncated")
    path.write_bytes(data[:20])
    refused(path, "cannot be read as Scanco AIM; is it truncated")
    path.write_bytes(b"no volume of any kind" * 99)
    refused(path, "its parts are")


def test_aim_without_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "py_aimio", None)
    (tmp_path / "ct.aim").write_bytes(b"AIMDATA_V030   ")
    refused(tmp_path / "ct.aim", "pip install aimio-py")


# ---- Zeiss ---------------------------------------------------------------------------------------


def txm_streams(volume, kind=4, pixel_um=5.0):
    depth, height, width = volume.shape
    numbers = {"NoOfImages": depth, "ImageHeight": height, "ImageWidth": width, "DataType": kind}
    streams = {f"ImageInfo/{name}": struct.pack("<i", n) for name, n in numbers.items()}
    streams["ImageInfo/pixelsize"] = struct.pack("<f", pixel_um)
    for z, plane in enumerate(volume):  # the first row at the bottom
        streams[f"ImageData{z // 100 + 1}/Image{z + 1}"] = plane[::-1].tobytes()
    return streams


@pytest.mark.parametrize(("dtype", "kind"), [("u2", 5), ("f4", 10), ("u1", 3)])
def test_txm(dtype, kind, tmp_path):
    """More than a hundred slices, in small and in large streams."""
    volume = np.random.default_rng(1).integers(0, 250, (103, 48, 50)).astype(dtype)
    path = write_ole(tmp_path / "ct.txm", txm_streams(volume, kind))
    assert olefile.isOleFile(path)
    the_same(path, volume, (5, 5, 5))


def test_damaged_txm(truth, tmp_path):
    streams = txm_streams(truth)
    path = tmp_path / "ct.txm"
    write_ole(path, {name: data for name, data in streams.items() if name != "ImageData1/Image7"})
    refused(path, "slice 7 of 12 is missing")
    write_ole(path, streams | {"ImageData1/Image3": b"12"})
    refused(path, "slice 3 is incomplete")
    write_ole(path, {name: data for name, data in streams.items() if "DataType" not in name})
    refused(path, "cannot be read in Zeiss's TXM format")
    path.write_bytes(b"PK and more that is no OLE file" * 100)
    refused(path, "cannot be read in Zeiss's TXM format")
    write_ole(path, streams)
    path.write_bytes(path.read_bytes()[:2000])
    refused(path, "damaged|cannot be read|incomplete")
    refused(path.rename(tmp_path / "ct.txrm"), "projections of a scan, not a volume")


# ---- VGStudio ------------------------------------------------------------------------------------

VGI = """{volume1}
[representation]
size = 14 10 12
datatype = integer
datarange = 0 -1
bitsperelement = 16
[file1]
SkipHeader = 7
FileFormat = raw
Size = 14 10 12
Name = C:\\scans\\ct.vol
Datatype = signed integer
datarange = 0 -1
BitsPerElement = 16
{volumeprimitive12}
[geometry]
resolution = 0.004 0.005 0.006
unit = mm
"""


def test_vgi(truth, tmp_path):
    (tmp_path / "ct.vol").write_bytes(b"7 bytes" + truth.tobytes())
    path = tmp_path / "ct.vgi"
    path.write_text(VGI)
    refused(tmp_path / "ct.vol", "or name ct.vgi, its header")
    the_same(path, truth, (6, 5, 4))
    path.write_text(VGI.replace("unit = mm", "").replace("\n", "\r\n"))
    the_same(path, truth, None)
    path.write_text(VGI.replace("C:\\scans\\ct.vol", '"C:\\scans\\ct.vol"'))
    the_same(path, truth, (6, 5, 4))


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("Name = ", "Title = ", "names no file of values"),
        ("{volumeprimitive12}", "[file2]\nName = b.vol\nSize = 14 10 12", "several files"),
        ("signed integer", "complex", "cannot be read as VGI"),
        ("= raw", "= jpeg", "its values are jpeg, not raw"),
        ("Size = 14 10 12", "Size = 14 10 13", "ct.vol has 3367 bytes of 3647"),
        ("ct.vol", "other.vol", "other.vol is missing beside it"),
    ],
)
def test_unsuitable_vgi(old, new, match, truth, tmp_path):
    (tmp_path / "ct.vol").write_bytes(b"7 bytes" + truth.tobytes())
    (tmp_path / "ct.vgi").write_text(VGI.replace(old, new))
    refused(tmp_path / "ct.vgi", match)
