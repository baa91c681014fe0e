"""Broken and hostile files end in one sentence, in bounded memory and time; none executes anything.

Each input is small; the fixture lets no test use more than another GiB or half a minute.
"""

import json
import os
import pickle
import resource
import signal
import struct
import tempfile
import zlib
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
import zarr
from PIL import Image
from raw_volumes import SHAPE, write_folder

from virtual_staining.artefacts.sheet import read_sheet
from virtual_staining.cli import explain
from virtual_staining.errors import InputError
from virtual_staining.readers import bounds
from virtual_staining.readers.annotations import read_annotations
from virtual_staining.readers.bounds import check_disk, check_held, check_memory
from virtual_staining.readers.open_raw import open_slide, open_volume
from virtual_staining.register.rough_pose import read_initial_pose
from virtual_staining.runtime import free_memory_bytes

VOLUME = np.random.default_rng(0).integers(1, 60000, SHAPE).astype("u2")
HUGE = 100_000  # its cube is 10^15
SECONDS, MEMORY = 30, 2**30
NOBODY = 65534


@pytest.fixture(autouse=True)
def bounded():
    """Let the test fail where it would hang or fill the memory."""

    def stop(*_):
        raise AssertionError(f"no end after {SECONDS} s")

    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + MEMORY, limits[1]))
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    resource.setrlimit(resource.RLIMIT_AS, limits)


def read_volume(path):
    source = open_volume(str(path))
    return source.read(0, source.shape[0])


def png(side, colour_type):
    """A PNG of 5 MB whose header says side x side pixels."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", bytes(5 * 10**6))


def a_header(path, text):
    path.write_bytes(text.encode())
    return path


def mha_header(path, size, data_file, more=""):
    head = f"ObjectType = Image\nNDims = 3\nDimSize = {size}\n{more}ElementType = MET_USHORT\n"
    return a_header(path, f"{head}ElementDataFile = {data_file}\n")


def nrrd_header(path, size, *fields):
    head = ["NRRD0004", "type: uint16", "dimension: 3", f"sizes: {size}", "endian: little"]
    return a_header(path, "\n".join([*head, *fields]) + "\n\n")


def png_slices(folder):
    (folder / "ct").mkdir()
    for z in range(2):
        (folder / "ct" / f"s_{z}.png").write_bytes(png(40_000, 0))
    return folder / "ct"


def huge_hdf5(folder, **options):
    with h5py.File(folder / "ct.h5", "w") as file:
        file.create_dataset("a", (HUGE,) * 3, "u2", **options)
    return f"{folder / 'ct.h5'}::/a"


def huge_zarr(folder, chunk):
    zarr.create_array(folder / "ct.zarr", shape=(HUGE,) * 3, dtype="u2", chunks=(chunk,) * 3)
    return folder / "ct.zarr"


def many_chunks(folder, container):
    """An array that is small enough to be read, in chunks of one value of which none is there."""
    if container == "hdf5":
        with h5py.File(folder / "ct.h5", "w") as file:
            file.create_dataset("a", (700,) * 3, "u1", chunks=(1, 1, 1))
        return f"{folder / 'ct.h5'}::/a"
    zarr.create_array(folder / "ct.zarr", shape=(700,) * 3, dtype="u1", chunks=(1, 1, 1))
    return folder / "ct.zarr"


def zarr_of_one_chunk(folder):
    shape = (20_000, 20_000, 20_000)
    array = zarr.create_array(
        folder / "ct.zarr", shape=(200, 200, 200), dtype="u2", chunks=shape, compressors=None
    )
    del array
    return folder / "ct.zarr"


def huge_nifti(folder):
    header = nibabel.Nifti2Header()
    header.set_data_dtype("u2")
    header["dim"] = [3, 2**21, 2**21, 2**22, 1, 1, 1, 1]  # 2^64: 0 in 64 bits
    header["vox_offset"] = 544
    (folder / "ct.nii").write_bytes(header.binaryblock + bytes(1000))
    return folder / "ct.nii"


def nifti_bomb(folder):
    header = nibabel.Nifti1Header()
    header.set_data_dtype("u2")
    header["dim"] = [3, 2000, 2000, 2000, 1, 1, 1, 1]
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    deflate = zlib.compressobj(1, wbits=31)
    data = deflate.compress(header.binaryblock + bytes(2**24)) + deflate.flush()
    (folder / "ct.nii.gz").write_bytes(data)
    return folder / "ct.nii.gz"


def huge_tiff(folder, kind="minisblack"):
    path = folder / "image.tif"
    data = VOLUME if kind == "minisblack" else np.full((32, 32, 3), 200, "u1")
    tifffile.imwrite(path, data, compression="zlib", photometric=kind, metadata=None)
    with tifffile.TiffFile(path, mode="r+b") as tif:
        for page in tif.pages:
            for tag in ("ImageWidth", "ImageLength", "RowsPerStrip"):
                page.tags[tag].overwrite(3_000_000)
    return path


def ome_planes(folder):
    path = folder / "ct.ome.tif"
    tifffile.imwrite(path, VOLUME, ome=True, metadata={"axes": "ZYX"}, photometric="minisblack")
    with tifffile.TiffFile(path) as tif:
        text = tif.ome_metadata.replace('SizeZ="12"', 'SizeZ="1000000000"')
    tifffile.imwrite(
        path, VOLUME, photometric="minisblack", metadata=None, description=text.encode()
    )
    return path


def dicom_frames(folder):
    sitk.WriteImage(sitk.GetImageFromArray(VOLUME), str(folder / "ct.dcm"))
    data = (folder / "ct.dcm").read_bytes()
    at = data.find(b"\x28\x00\x08\x00") + 8  # the number of frames, behind its length
    (folder / "ct.dcm").write_bytes(data[:at] + b"99" + data[at + 2 :])
    return folder / "ct.dcm"


def zarr_of_chunks_of_none(folder):
    (folder / "ct.zarr").mkdir()
    head = {"zarr_format": 2, "shape": SHAPE, "chunks": (0, 0, 0), "dtype": "<u2", "order": "C"}
    head |= {"compressor": None, "filters": None, "fill_value": 0}
    (folder / "ct.zarr" / ".zarray").write_text(json.dumps(head))
    return folder / "ct.zarr"


ABSURD = {
    "MetaImage without values": (lambda d: mha_header(d / "ct.mhd", "9 9 9", ""), "no file of val"),
    "MetaImage without a size": (lambda d: mha_header(d / "ct.mhd", "", "ct.raw"), "or no size"),
    "NRRD of many axes": (
        lambda d: nrrd_header(d / "ct.nrrd", "1 " * HUGE, "encoding: raw"),
        "holds 1 x 1 x .* … values",
    ),
    "Zarr, chunks of none": (zarr_of_chunks_of_none, "its chunks have .0, 0, 0. voxels"),
    "slices of PNG": (png_slices, "40000 values"),
    "MetaImage": (lambda d: mha_header(d / "ct.mha", "100000 100000 100000", "LOCAL"), "truncated"),
    "MetaImage, negative": (lambda d: mha_header(d / "ct.mha", "-1 10 10", "LOCAL"), "voxels"),
    "NRRD": (
        lambda d: nrrd_header(d / "ct.nrrd", "100000 100000 100000", "encoding: raw"),
        "trunc",
    ),
    "NRRD, text": (
        lambda d: nrrd_header(d / "ct.nrrd", "100000 100000 100000", "encoding: ascii"),
        "values",
    ),
    "NIfTI beyond 64 bits": (huge_nifti, "values"),
    "NIfTI that inflates": (nifti_bomb, "values"),
    "HDF5": (lambda d: huge_hdf5(d, chunks=(64,) * 3), "values"),
    "HDF5, chunks of one": (lambda d: huge_hdf5(d, chunks=(1, 1, 1)), "values"),
    "Zarr": (lambda d: huge_zarr(d, 64), "values"),
    "Zarr, chunks of one": (lambda d: huge_zarr(d, 1), "values"),
    "HDF5, many chunks": (lambda d: many_chunks(d, "hdf5"), "343000000 chunks of 1 x 1 x 1"),
    "Zarr, many chunks": (lambda d: many_chunks(d, "zarr"), "343000000 chunks of 1 x 1 x 1"),
    "Zarr, one chunk": (zarr_of_one_chunk, "stored in one piece takes 16 TB"),
    "TIFF": (huge_tiff, "values"),
    "OME planes": (ome_planes, "1000000000 x 1 x 1 planes"),
    "DICOM frames": (dicom_frames, "truncated"),
}


@pytest.mark.parametrize("name", ABSURD)
def test_an_absurd_volume_is_refused_from_its_header(name, tmp_path):
    write, words = ABSURD[name]
    path = write(tmp_path)
    with pytest.raises(InputError, match=rf"{tmp_path}/(ct|image).*({words})"):
        read_volume(path)


def jpeg(folder):
    Image.new("RGB", (64, 64), (200, 200, 200)).save(folder / "s.jpg")
    data = bytearray((folder / "s.jpg").read_bytes())
    struct.pack_into(">HH", data, data.find(b"\xff\xc0") + 5, 65_000, 65_000)
    (folder / "s.jpg").write_bytes(data)
    return folder / "s.jpg"


def test_an_absurd_slide_is_refused_from_its_header(tmp_path):
    (tmp_path / "s.png").write_bytes(png(40_000, 2))
    for path in (tmp_path / "s.png", jpeg(tmp_path), huge_tiff(tmp_path, "rgb")):
        with pytest.raises(InputError, match=rf"{path}: its header says .* values, .*[GT]B"):
            open_slide(path)


def test_honest_sizes_pass(monkeypatch):
    check_held("ct", (4000, 4000, 4000), 2, 10**9)  # mostly air
    check_held("ct", (100, 100, 100), 2, 10)
    monkeypatch.setattr(bounds, "free_memory_bytes", lambda: 10**9)
    check_memory("s.png", 5e8, "the picture; crop it")
    with pytest.raises(InputError, match=r"s\.png: the picture takes 700 MB .*1 GB are free; crop"):
        check_memory("s.png", 7e8, "the picture; crop it")
    with pytest.raises(InputError, match=r"ct: .* 1e\+06 TB before compression.*free some space"):
        check_disk("ct", "/tmp/a/b", 1e18)


def test_memory_that_is_free_obeys_the_limit_of_the_process():
    assert 0 < free_memory_bytes() < 2 * MEMORY


def hdf5_links(folder):
    os.mkfifo(folder / "pipe.h5")
    with h5py.File(folder / "ct.h5", "w") as file:
        group = file.create_group("g")
        group["g"] = group
        file["self"] = h5py.SoftLink("/self")
        file["pipe"] = h5py.ExternalLink("pipe.h5", "/a")
        file["loop"] = h5py.ExternalLink("other.h5", "/loop")
        layout = h5py.VirtualLayout(SHAPE, "u2")
        for z in range(SHAPE[0]):
            layout[z] = h5py.VirtualSource(".", "virtual", SHAPE)[z]
        file.create_virtual_dataset("virtual", layout)
    with h5py.File(folder / "other.h5", "w") as file:
        file["loop"] = h5py.ExternalLink("ct.h5", "/loop")
    return folder / "ct.h5"


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("", "no dataset is named"),
        ("/self", "a link to /self, which is not there"),
        ("/loop", "other.h5, which cannot be opened"),
        ("/pipe", "pipe.h5: is a pipe or a device"),
        ("/virtual", "lie in that dataset itself"),
        ("/g" * 100_000, "more than 100 parts"),
    ],
)
def test_loops_of_hdf5_come_to_an_end(inside, words, tmp_path):
    path = hdf5_links(tmp_path)
    with pytest.raises(InputError, match=words):
        open_volume(f"{path}::{inside}" if inside else str(path))


def outside(folder):
    """Files whose content leads out of their folder."""
    (folder / "o").mkdir()
    (folder / "in").mkdir()
    VOLUME.tofile(folder / "o" / "secret.raw")
    with h5py.File(folder / "o" / "secret.h5", "w") as file:
        file["a"] = VOLUME
    home = folder / "in"
    size = " ".join(map(str, SHAPE[::-1]))
    yield nrrd_header(home / "ct.nhdr", size, "encoding: raw", "data file: ../o/secret.raw")
    names = [f"../o/s{z}.raw" for z in range(SHAPE[0])]
    for name, plane in zip(names, VOLUME, strict=True):
        plane.tofile(home / name)
    yield mha_header(home / "list.mhd", size, "LIST\n" + "\n".join(names))
    yield mha_header(home / "numbered.mhd", size, f"../o/s%d.raw 0 {SHAPE[0] - 1} 1")
    with h5py.File(home / "ct.h5", "w") as file:
        file["link"] = h5py.ExternalLink("../o/secret.h5", "/a")
        external = [("../o/secret.raw", 0, VOLUME.nbytes)]
        file.create_dataset("storage", SHAPE, "u2", external=external, efile_prefix="${ORIGIN}")
        layout = h5py.VirtualLayout(SHAPE, "u2")
        layout[:] = h5py.VirtualSource("../o/secret.h5", "a", SHAPE)
        file.create_virtual_dataset("virtual", layout)
        layout = h5py.VirtualLayout(SHAPE, "u2")
        layout[:] = h5py.VirtualSource(".", "virtual", SHAPE)
        file.create_virtual_dataset("nested", layout)
        layout = h5py.VirtualLayout(SHAPE, "u2")
        layout[:] = h5py.VirtualSource(".", "link", SHAPE)
        file.create_virtual_dataset("by_link", layout)
    for name in ("link", "storage", "virtual", "nested", "by_link"):
        yield f"{home / 'ct.h5'}::/{name}"


def test_nothing_outside_the_folder_is_read_without_a_word(tmp_path, caplog):
    for path in outside(tmp_path):
        caplog.clear()
        open_volume(str(path))
        assert "secret" in caplog.text or "/o/s0.raw" in caplog.text, path


def test_pipes_and_folders_in_place_of_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.tif")
    os.mkfifo(tmp_path / "v.raw")
    (tmp_path / "folder.tif").mkdir()
    for name, words in (("pipe", "pipe or a device"), ("folder", "not a known|is a folder")):
        for read in (open_volume, open_slide):
            with pytest.raises(InputError, match=f"{name}.tif: .*({words})"):
                read(str(tmp_path / f"{name}.tif"))
    listed = mha_header(tmp_path / "list.mhd", "14 10 2", "LIST\nv.raw\nv.raw")
    with pytest.raises(InputError, match=r"v\.raw: is a pipe"):
        open_volume(str(listed))
    for read in (
        lambda p: read_annotations(p, ["Bone"]),
        lambda p: read_initial_pose(p, (1, 1), None),
        read_sheet,
    ):
        for name, words in (("pipe", "is a pipe"), ("folder", "is a folder")):
            os.rename(tmp_path / f"{name}.tif", tmp_path / f"{name}.json")
            with pytest.raises(InputError, match=words):
                read(tmp_path / f"{name}.json")
            os.rename(tmp_path / f"{name}.json", tmp_path / f"{name}.tif")


def test_pipes_where_headers_and_their_values_should_be(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    mha = mha_header(tmp_path / "ct.mhd", "14 10 12", "pipe")
    nrrd = nrrd_header(tmp_path / "ct.nhdr", "14 10 12", "encoding: raw", "data file: pipe")
    for path in (mha, nrrd):
        with pytest.raises(InputError, match=r"/pipe: is a pipe or a device"):
            open_volume(str(path))
    nibabel.save(nibabel.Nifti1Pair(VOLUME.T.astype("i2"), np.eye(4)), tmp_path / "n.hdr")
    (tmp_path / "n.img").unlink()
    os.mkfifo(tmp_path / "n.img")
    with pytest.raises(InputError, match=r"n\.img: is a pipe or a device"):
        open_volume(str(tmp_path / "n.hdr"))
    zarr.create_group(str(tmp_path / "ct.zarr"), zarr_format=2)
    (tmp_path / "ct.zarr" / ".zattrs").unlink(missing_ok=True)
    os.mkfifo(tmp_path / "ct.zarr" / ".zattrs")
    with pytest.raises(InputError, match=r"ct\.zarr/\.zattrs: is a pipe or a device"):
        open_volume(str(tmp_path / "ct.zarr"))


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("nowhere", path)])
@pytest.mark.parametrize("z", [0, 5, SHAPE[0]])
def test_what_is_no_file_among_the_slices_is_named(make, z, tmp_path):
    folder = Path(write_folder(tmp_path / "ct", VOLUME))
    (folder / f"slice_{z:04d}.tif").unlink(missing_ok=True)
    make(folder / f"slice_{z:04d}.tif")
    with pytest.raises(InputError, match=rf"slice_{z:04d}\.tif: (is a|cannot be read)"):
        open_volume(str(folder))


def test_a_pipe_among_the_chunks_or_the_files_of_a_series_is_named(tmp_path):
    zarr.create_array(tmp_path / "ct.zarr", data=VOLUME, chunks=SHAPE)
    chunk = next(p for p in (tmp_path / "ct.zarr" / "c").rglob("*") if p.is_file())
    chunk.unlink()
    os.mkfifo(chunk)
    with pytest.raises(InputError, match=r"ct\.zarr/c/0/0/0: is a pipe"):
        open_volume(str(tmp_path / "ct.zarr"))
    os.mkfifo(tmp_path / "b.ome.tif")
    planes = "".join(
        f'<TiffData FirstZ="{z}" PlaneCount="12"><UUID FileName="{n}.ome.tif">urn:uuid:{z}</UUID>'
        "</TiffData>" for z, n in ((0, "a"), (12, "b"))
    )  # fmt: skip
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" SizeX="14" SizeY="10" '
        f'SizeC="1" SizeZ="24" SizeT="1">{planes}</Pixels></Image></OME>'
    )
    tifffile.imwrite(
        tmp_path / "a.ome.tif", VOLUME, photometric="minisblack", metadata=None, description=text
    )
    with pytest.raises(InputError, match=r"b\.ome\.tif: is a pipe"):
        open_volume(str(tmp_path / "a.ome.tif"))


DEEP = "[" * 100_000 + "]" * 100_000


def test_nesting_that_is_too_deep_is_told(tmp_path):
    for name in ("a.geojson", "pose.json"):
        (tmp_path / name).write_text(DEEP)
    with pytest.raises(InputError, match=r"a\.geojson: not valid JSON"):
        read_annotations(tmp_path / "a.geojson", ["Bone"])
    with pytest.raises(InputError, match=r"pose\.json: not valid JSON"):
        read_initial_pose(tmp_path / "pose.json", (1, 1), None)
    zarr.create_array(tmp_path / "ct.zarr", data=VOLUME)
    (tmp_path / "ct.zarr" / "zarr.json").write_text(DEEP)
    with pytest.raises(InputError, match=r"ct\.zarr: cannot be read as Zarr"):
        open_volume(str(tmp_path / "ct.zarr"))


def geojson(path, points):
    ring = [*points.round(3).tolist(), points[0].round(3).tolist()]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}}
    feature["properties"] = {"classification": {"name": "Bone"}}
    path.write_text(json.dumps([feature]))
    return path


def test_outlines_of_many_points(tmp_path):
    angle = np.linspace(0, 2 * np.pi, 10**5, endpoint=False)
    circle = 5000 + 4000 * np.column_stack([np.cos(angle), np.sin(angle)])
    path = geojson(tmp_path / "a.geojson", circle)
    (area,) = read_annotations(path, ["Bone"])["Bone"]
    assert area.area == pytest.approx(np.pi * 4000**2, rel=1e-4)
    walk = np.random.default_rng(0).normal(0, 10, (10**5, 2)).cumsum(0)
    random = np.random.default_rng(0).uniform(0, 1000, (10**5, 2))
    for points in (walk, random):
        geojson(path, points)
        with pytest.raises(InputError, match="feature 1: its outline of 100001 points crosses it"):
            read_annotations(path, ["Bone"])


def test_a_text_of_gigabytes_is_not_read(tmp_path):
    for name, read in (
        ("a.geojson", lambda path: read_annotations(path, ["Bone"])),
        ("pose.json", lambda path: read_initial_pose(path, (1, 1), None)),
        ("samples.tsv", read_sheet),
    ):
        with (tmp_path / name).open("wb") as file:
            file.truncate(5 * 2**30)
        with pytest.raises(InputError, match=f"{name}: has 5.37 GB, too much"):
            read(tmp_path / name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without permissions")
def test_missing_permission_is_told():
    with tempfile.TemporaryDirectory() as home:  # pytest's own is root's alone
        Path(home).chmod(0o755)
        folder = Path(write_folder(Path(home) / "ct", VOLUME))
        check_denied(folder)


def check_denied(folder):
    (folder / "slice_0003.tif").chmod(0)
    os.seteuid(NOBODY)
    try:
        with pytest.raises(InputError, match=r"slice_0003\.tif: .*permission denied"):
            open_volume(str(folder))
        with pytest.raises(InputError, match=r"slice_0003\.tif: .*[pP]ermission denied"):
            open_slide(folder / "slice_0003.tif")
    finally:
        os.seteuid(0)


def test_a_denied_output_is_a_sentence(tmp_path):
    error = PermissionError(13, "Permission denied", "/data/out")
    assert explain(error, None).startswith("/data/out: permission denied; change the permissions")


class Executes:
    """What a pickle of it would do when it is loaded."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("place", ["filters", "compressor", "after another"])
@pytest.mark.parametrize("dtype", ["<u2", "|O"])
def test_no_file_executes_anything(place, dtype, tmp_path):
    trap = tmp_path / "trap"
    zarr.create_array(
        tmp_path / "ct.zarr", data=VOLUME, chunks=SHAPE, zarr_format=2, compressors=None
    )
    about = json.loads((tmp_path / "ct.zarr" / ".zarray").read_text())
    codec = {"id": "pickle", "protocol": 4}
    delta = {"id": "delta", "dtype": "<u2"}
    about["dtype"] = dtype
    about["compressor"] = codec if place == "compressor" else None
    about["filters"] = {"filters": [codec], "after another": [delta, codec]}.get(place)
    (tmp_path / "ct.zarr" / ".zarray").write_text(json.dumps(about))
    (tmp_path / "ct.zarr" / "0.0.0").write_bytes(pickle.dumps(Executes(trap)))
    with pytest.raises(InputError, match=r"ct\.zarr"):
        read_volume(tmp_path / "ct.zarr")
    assert not trap.exists()
    for name in ("a.geojson", "pose.json", "ct.tif", "ct.h5", "ct.nii"):
        (tmp_path / name).write_bytes(pickle.dumps(Executes(trap)))
    for read in (
        lambda: read_annotations(tmp_path / "a.geojson", ["Bone"]),
        lambda: read_initial_pose(tmp_path / "pose.json", (1, 1), None),
        *(lambda n=n: read_volume(tmp_path / n) for n in ("ct.tif", "ct.h5", "ct.nii")),
    ):
        with pytest.raises(InputError):
            read()
    assert not trap.exists()
