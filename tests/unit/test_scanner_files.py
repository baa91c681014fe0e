"""Volumes as the makers of CT scanners store them, written by hand from their descriptions."""

import struct

import numpy as np
import olefile
import py_aimio
import pytest
from ole_file import LARGE_SECTOR, write_ole
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
    length = len(header) + volume.nbytes
    struct.pack_into("<3i", header, 16, 3, length, -(-length // 512))
    struct.pack_into("<3i3i", header, 44, *volume.shape[::-1], *edges_um[::-1])
    struct.pack_into("<i", header, 508, blocks)
    path.write_bytes(bytes(header) + volume.tobytes())
    return path


def test_isq(truth, tmp_path):
    the_same(write_isq(tmp_path / "ct.isq", truth), truth, (6, 5, 4))
    the_same(write_isq(tmp_path / "CT.ISQ;1", truth, (0, 50, 56)), truth, None)


def test_isq_as_aimio_reads_it(truth, tmp_path):
    """A second reader of the format finds the same values and size."""
    path = write_isq(tmp_path / "ct.isq", truth)
    values, meta = py_aimio.read_isq(str(path))
    np.testing.assert_array_equal(values, truth)
    assert meta["spacing"] == pytest.approx((4, 5, 6))


@pytest.mark.parametrize("blocks", [0, 1, 100])
def test_isq_with_headers_of_other_lengths(blocks, truth, tmp_path):
    the_same(write_isq(tmp_path / "ct.isq", truth, blocks=blocks), truth, (6, 5, 4))


@pytest.mark.parametrize("edges_um", [(0, 0, 0), (-72, 50, 56)])
def test_isq_without_a_size(edges_um, truth, tmp_path):
    the_same(write_isq(tmp_path / "ct.isq", truth, edges_um), truth, None)


def test_damaged_isq(truth, tmp_path):
    path = write_isq(tmp_path / "ct.isq", truth)
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    refused(path, "is it truncated")
    path.write_bytes(data[:200])
    refused(path, "does not begin as a Scanco ISQ")
    path.write_bytes(data[:44] + struct.pack("<i", -1) + data[48:])
    refused(path, "12 x 10 x -1 voxels behind 3 blocks; is it damaged")
    path.write_bytes(data[:508] + struct.pack("<i", -1) + data[512:])
    refused(path, "12 x 10 x 14 voxels behind -1 blocks")
    path.write_bytes(data[:44] + struct.pack(">3i", 14, 10, 12) + data[56:])
    refused(path, "has 5408 bytes of .*is it truncated")


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


@pytest.mark.parametrize(
    "size_mm", [(0, 0, 0), (np.nan, 0.005, 0.006), (-0.004, 0.005, 0.006), (np.inf, 0.005, 0.006)]
)
def test_aim_without_a_size(size_mm, truth, tmp_path):
    path = tmp_path / "ct.aim"
    py_aimio.write_aim(str(path), truth, {"element_size": size_mm})
    the_same(path, truth, None)


def test_aim_of_runs_of_bytes(tmp_path):
    """What AimIO writes of two values it reads again; of others it does not, which is refused."""
    path, mask = tmp_path / "ct.aim", np.zeros((12, 10, 14), np.int8)
    mask[3:7, 2:8, 5:] = 100
    py_aimio.write_aim(str(path), mask, {"element_size": (0.004,) * 3})
    the_same(path, mask, (4, 4, 4))
    greys = np.random.default_rng(0).integers(0, 100, mask.shape).astype(np.int8)
    py_aimio.write_aim(str(path), greys, {"element_size": (0.004,) * 3})
    refused(path, "AimIO cannot decode it .*export the volume as 16-bit AIM")


def vax(value):
    """A number in the form of VAX computers: the exponent 2 larger, the halves exchanged."""
    data = struct.pack("<f", 4 * value)
    return data[2:] + data[:2]


def write_aim_2(path, volume, kind, lengths=(0, 0, 0, 0), size_mm=(0.004, 0.005, 0.006)):
    """Version 2: lengths of 4 bytes (to which ``lengths`` is added), header, log, values."""
    log_text = b"! Processing Log\n"
    header = struct.pack("<6i", 16, 0, 0, 1, 0, kind)
    header += struct.pack("<21i", 5, 6, 7, *volume.shape[::-1], *[0] * 15)
    header += b"".join(map(vax, size_mm)) + bytes(20)
    parts = np.add((20, len(header), len(log_text), volume.nbytes), lengths)
    path.write_bytes(struct.pack("<5i", *parts, 0) + header + log_text + volume.tobytes())
    return path


@pytest.mark.parametrize(("dtype", "kind"), [("i2", 131074), ("i1", 65537)])
def test_aim_of_version_2(dtype, kind, truth, tmp_path):
    volume = (truth >> 8).astype(dtype)
    path = write_aim_2(tmp_path / "ct.aim", volume, kind)
    the_same(path, volume, (6, 5, 4))
    path.write_bytes(path.read_bytes()[:-100])
    refused(path, "its parts are .* long; is it truncated")
    refused(write_aim_2(path, volume, kind, (0, 0, -99, 0)), "its parts are")
    refused(write_aim_2(path, volume, kind, (0, 0, 0, 2**30)), "its parts are")
    the_same(write_aim_2(path, volume, kind, size_mm=(0, 0, 0)), volume, None)
    refused(write_aim_2(path, volume, 0x12345678), "cannot be read as Scanco AIM")


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


def test_txm_of_many_megabytes(tmp_path):
    """As real ones are: in large sectors, beyond what small ones hold."""
    volume = np.random.default_rng(2).integers(0, 60000, (110, 300, 300)).astype("u2")
    path = write_ole(tmp_path / "ct.txm", txm_streams(volume, 5), sector=LARGE_SECTOR)
    assert path.stat().st_size > 19e6
    the_same(path, volume, (5, 5, 5))


@pytest.mark.parametrize("form", ["<f", "<2f", "<3f", "<d"])
def test_txm_sizes_in_every_form(form, truth, tmp_path):
    size = struct.pack(form, *[5.1] * (1 if form[1] in "fd" else int(form[1])))
    streams = txm_streams(truth) | {"ImageInfo/pixelsize": size}
    the_same(write_ole(tmp_path / "ct.txm", streams), truth, (5.1, 5.1, 5.1))


@pytest.mark.parametrize("pixel_um", [0, -5, np.nan, np.inf])
def test_txm_without_a_size(pixel_um, truth, tmp_path):
    path = write_ole(tmp_path / "CT.TXM", txm_streams(truth, pixel_um=pixel_um))
    the_same(path, truth, None)


@pytest.mark.parametrize(
    ("name", "number", "match"),
    [
        ("NoOfImages", 10, "its header says 10 slices, but it holds more"),
        ("NoOfImages", -5, "-5 x 10 x 14 voxels"),
        ("NoOfImages", 2**31 - 1, "slice 13 of 2147483647 is missing"),
        ("ImageWidth", 2**31 - 1, "slice 1 is incomplete"),
        ("DataType", 9, "its DataType 9 is unknown"),
    ],
)
def test_txm_whose_header_is_not_of_its_slices(name, number, match, truth, tmp_path):
    streams = txm_streams(truth) | {f"ImageInfo/{name}": struct.pack("<i", number)}
    refused(write_ole(tmp_path / "ct.txm", streams), match)


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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_vgi_in_any_encoding(encoding, truth, tmp_path):
    (tmp_path / "ct.vol").write_bytes(b"7 bytes" + truth.tobytes())
    (tmp_path / "ct.vgi").write_text(VGI + "Comment = Größe\n", encoding=encoding)
    the_same(tmp_path / "ct.vgi", truth, (6, 5, 4))


def test_values_behind_the_last_voxel_are_announced(truth, tmp_path, caplog):
    """As where the numbers of voxels are another volume's."""
    (tmp_path / "ct.vol").write_bytes(b"7 bytes" + truth.tobytes() + bytes(500))
    (tmp_path / "ct.vgi").write_text(VGI)
    the_same(tmp_path / "ct.vgi", truth, (6, 5, 4))
    assert not caplog.text
    (tmp_path / "ct.vgi").write_text(VGI.replace("14 10 12", "14 10 9"))
    the_same(tmp_path / "ct.vgi", truth[:9], (6, 5, 4))
    assert "ct.vol goes on for 1340 bytes behind 14 x 10 x 9 voxels" in caplog.text


@pytest.mark.parametrize("mirror", ["0 0 0", "1 0 0", "0 1 0", "0 0 1", "1 0 1", "1 1 1"])
def test_mirrored_vgi(mirror, truth, tmp_path):
    """The file's own section says along which of x, y, z the values are mirrored."""
    (tmp_path / "ct.vol").write_bytes(b"7 bytes" + truth.tobytes())
    path = tmp_path / "ct.vgi"
    text = VGI.replace("size = 14", "mirror = 0 0 0 0\nsize = 14")
    path.write_text(text.replace("FileFormat", f"Mirror = {mirror}\nFileFormat"))
    x, y, z = (-1 if flag == "1" else 1 for flag in mirror.split())
    the_same(path, truth[::z, ::y, ::x], (6, 5, 4))


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        (
            "[representation]",
            "[representation]\nmirror = 0 0 1 0",
            "mirror = 0 0 1 0, which is not",
        ),
        ("FileFormat", "Mirror = 0 2 0\nFileFormat", "mirror = 0 2 0, which is not known"),
        ("FileFormat", "Mirror = yes\nFileFormat", "mirror = yes, which is not known"),
        ("BitsPerElement = 16", "BitsPerElement = 12", "12 bits a value"),
        ("Name = ", "Title = ", "names no file of values"),
        ("C:\\scans\\ct.vol", "", "names no file of values"),
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
