"""Kinds of raw volumes of which one thing is unusual: links, series, sizes, names of axes."""

import logging
import re
import subprocess
import sys
from pathlib import Path

import h5py
import imagecodecs
import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from raw_volumes import SHAPE, the_same, write_hdf5, write_itk

from virtual_staining.errors import InputError
from virtual_staining.readers.open_raw import open_volume
from virtual_staining.readers.pixel_sizes import agreed_size
from virtual_staining.readers.sizes import known_size, number, unit_um
from virtual_staining.settings.sheet import insists, parse_size


@pytest.fixture
def truth():
    return np.random.default_rng(0).integers(1, 60000, SHAPE).astype(np.uint16)


# ---- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "um"),
    [("µm", 1), ("μm", 1), ("um", 1), ("\\u00B5m", 1), ("microns", 1), ("Micrometre", 1),
     ("micrometers", 1), (b"mm", 1e3), ("MILLIMETER", 1e3), ("inches", 25400), ("Å", 1e-4),
     ("angstrom", 1e-4), ("m", 1e6), ("nanometer", 1e-3), ("pixel", None), ("", None),
     (None, None), ("second", None)],
)  # fmt: skip
def test_units_of_length(unit, um):
    assert unit_um(unit) == um


@pytest.mark.parametrize("bad", [0.0, -5.0, np.nan, np.inf])
def test_a_length_that_is_none_counts_as_absent_and_is_announced(bad, caplog):
    assert known_size((5, bad, 5), "ct.tif") is None
    assert f"ct.tif: its metadata gives a size of 5,{bad:g},5 µm" in caplog.text
    assert known_size((5, None, 5), "ct.tif") == pytest.approx((5, np.nan, 5), nan_ok=True)
    assert known_size((None, None), "ct.tif") is None
    assert known_size((5, 4, 3), "ct.tif") == (5.0, 4.0, 3.0)
    assert number("0,499") == 0.499 and np.isnan(number("?"))


def test_the_sheet_insists_with_a_mark():
    assert parse_size("5!", 3, "f") == (5, 5, 5) and insists(" 5! ") and not insists("5")
    with pytest.raises(InputError, match="1_0"):
        parse_size("1_0", 3, "f")
    with pytest.raises(InputError, match="write 5! to insist"):
        agreed_size((5, 5), (4, 4), "s", "slide_pixel_um")
    assert agreed_size((5, 5), (4, 4), "s", "slide_pixel_um", insist=True) == (5, 5)


@pytest.mark.parametrize("spacing", ["0 5 5", "-5 5 5", "nan nan nan"])
def test_metaimage_without_a_usable_spacing(spacing, truth, tmp_path):
    path = Path(write_itk(tmp_path / "ct.mha", truth))
    data = path.read_bytes()
    path.write_bytes(re.sub(rb"ElementSpacing = .*", f"ElementSpacing = {spacing}".encode(), data))
    the_same(path, truth)


@pytest.mark.parametrize(
    ("metadata", "size_um"),
    [
        ({"unit": "microns", "spacing": 6.0}, (6, 5, 5)),
        ({"unit": "um", "spacing": -6.0}, (6, 5, 5)),
        ({"unit": "um", "spacing": 0.006, "zunit": "mm"}, (6, 5, 5)),
        ({"unit": "um"}, (np.nan, 5, 5)),
        ({"unit": "pixel", "spacing": 6.0}, None),
    ],
)
def test_imagej_sizes(metadata, size_um, truth, tmp_path):
    path = tmp_path / "ct.tif"
    metadata = {"axes": "ZYX", **metadata}
    tifffile.imwrite(path, truth, imagej=True, resolution=(0.2, 0.2), metadata=metadata)
    the_same(path, truth, size_um)


NRRD = "NRRD0004\ntype: uint16\ndimension: 3\nsizes: 14 10 12\nendian: little\nencoding: raw\n"


@pytest.mark.parametrize(
    ("fields", "size_um"),
    [
        ("spacings: 4 5 6\nunits: \"um\" \"um\" \"um\"", (6, 5, 4)),
        ("space directions: (0,0,4) (0,5,0) (6,0,0)\nspace units: \"µm\" \"µm\" \"µm\"", (6, 5, 4)),
        ("spacings: 0.004 0.005 0.006", (6, 5, 4)),
        ("spacings: 0 5 6", None),
        ("spacings: nan nan nan", None),
        ("spacings: 4 5 6\nunits: \"ell\" \"ell\" \"ell\"", None),
        ("content: a picture", None),
    ],
)  # fmt: skip
def test_nrrd_sizes(fields, size_um, truth, tmp_path):
    path = tmp_path / "ct.nrrd"
    path.write_bytes(f"{NRRD}{fields}\n\n".encode() + truth.tobytes())
    the_same(path, truth, size_um)


@pytest.mark.parametrize(
    "fields",
    [["type:=float", "sizes:=1 2 3", "spacings:=7 7 7", "encoding:=gzip"], ["endian: LITTLE"]],
)
def test_nrrd_of_further_fields(fields, truth, tmp_path):
    """What a user added with := is no field."""
    path = tmp_path / "ct.nrrd"
    head = ["NRRD0005", "type: uint16", "dimension: 3", "sizes: 14 10 12", "encoding: raw"]
    head += ["endian: BIG", *fields] if fields[0].startswith("type") else fields
    values = truth.astype(">u2") if "endian: BIG" in head else truth
    path.write_bytes(("\n".join(head) + "\n\n").encode() + values.tobytes())
    the_same(path, truth)


def test_nrrd_without_the_order_of_its_bytes_is_refused(truth, tmp_path):
    path = tmp_path / "ct.nrrd"
    path.write_bytes(NRRD.replace("endian: little\n", "").encode() + b"\n" + truth.tobytes())
    with pytest.raises(InputError, match=r"ct\.nrrd: does not say .* the line 'endian: little'"):
        open_volume(str(path))
    bytes_alone = NRRD.replace("endian: little\n", "").replace("uint16", "uint8")
    path.write_bytes(bytes_alone.encode() + b"\n" + truth.astype("u1").tobytes())
    the_same(path, truth.astype("u1"))


def test_colours_in_a_nrrd_are_refused_by_their_kind(truth, tmp_path):
    path = tmp_path / "ct.nrrd"
    head = "NRRD0005\ntype: uint16\ndimension: 3\nsizes: 14 10 12\nencoding: raw\n"
    head += "endian: little\nkinds: RGB-color domain domain\n\n"
    path.write_bytes(head.encode() + truth.tobytes())
    with pytest.raises(InputError, match=r"holds 14 values a voxel .RGB-color domain domain"):
        open_volume(str(path))


def test_metaimage_that_names_its_unit(truth, tmp_path):
    path = Path(write_itk(tmp_path / "ct.mha", truth))
    spacing = b"DistanceUnits = um\nElementSpacing = 4 5 6\n"
    path.write_bytes(re.sub(rb"ElementSpacing = .*\n", spacing, path.read_bytes()))
    the_same(path, truth, (6.0, 5.0, 4.0))
    assert not open_volume(str(path)).unit_assumed


def test_values_that_a_header_cannot_mean(truth, tmp_path):
    path = tmp_path / "ct.nrrd"
    path.write_bytes(NRRD.replace("raw", "bzip2").encode() + b"\n" + truth.tobytes())
    with pytest.raises(InputError, match="its encoding is bzip2; save it raw or with gzip"):
        open_volume(str(path))
    head = NRRD.replace("raw", "gzip").replace("14", "1400000")
    path.write_bytes(head.encode() + b"\n" + truth.tobytes())
    with pytest.raises(InputError, match="in which 336000000 cannot be compressed"):
        open_volume(str(path))


def test_metaimage_of_many_files_is_read_by_itk(truth, tmp_path):
    for z, plane in enumerate(truth):
        (tmp_path / f"s{z}.raw").write_bytes(plane.tobytes())
    head = (
        "NDims = 3\nDimSize = 14 10 12\nElementType = MET_USHORT\nElementSpacing = .004 .005 .006"
    )
    for files in ("LIST\n" + "\n".join(f"s{z}.raw" for z in range(12)), "s%d.raw 0 11 1"):
        (tmp_path / "ct.mhd").write_text(f"{head}\nElementDataFile = {files}\n")
        the_same(tmp_path / "ct.mhd", truth, (6, 5, 4))


def test_values_in_another_folder_are_read_with_a_word(truth, tmp_path, caplog):
    (tmp_path / "elsewhere.raw").write_bytes(truth.tobytes())
    (tmp_path / "scan").mkdir()
    head = NRRD + "data file: ../elsewhere.raw\n"
    (tmp_path / "scan" / "ct.nhdr").write_text(head)
    the_same(tmp_path / "scan" / "ct.nhdr", truth)
    assert re.search(
        r"ct\.nhdr: its values lie in .*elsewhere\.raw, outside its folder", caplog.text
    )


# ---- OME-Zarr ------------------------------------------------------------------------------------


def ngff(path, volume, image, at=""):
    group = zarr.open_group(str(path), mode="a", zarr_format=2)
    group = group.require_group(at) if at else group
    group.create_array("0", data=volume)
    group.attrs["multiscales"] = [image | {"datasets": image.get("datasets", [{"path": "0"}])}]


@pytest.mark.parametrize("axes", [None, ["z", "y", "x"], [{"name": a} for a in "zyx"]])
def test_old_ngff_has_no_units(axes, truth, tmp_path):
    volume = truth if axes else truth[None, None]
    ngff(tmp_path / "ct.zarr", volume, {"axes": axes} if axes else {"version": "0.1"})
    the_same(tmp_path / "ct.zarr", truth)


def test_ngff_scale_without_a_unit_is_announced(truth, tmp_path, caplog):
    level = [{"type": "scale", "scale": [5, 5, 5]}]
    ngff(tmp_path / "ct.zarr", truth, {"axes": ["z", "y", "x"], "datasets": [
        {"path": "0", "coordinateTransformations": level}]})  # fmt: skip
    the_same(tmp_path / "ct.zarr", truth)
    assert "its axis z has the scale 5 and no unit" in caplog.text


@pytest.mark.parametrize("scale", [[5, 5], "scales", None])
def test_ngff_scale_that_is_none(scale, truth, tmp_path, caplog):
    level = [{"type": "scale", "scale": scale}]
    axes = [{"name": a.upper(), "type": "space", "unit": "micrometer"} for a in "zyx"]
    ngff(tmp_path / "ct.zarr", truth, {"axes": axes, "datasets": [
        {"path": "0", "coordinateTransformations": level}]})  # fmt: skip
    the_same(tmp_path / "ct.zarr", truth)
    assert "has not one number for each of the axes z, y, x" in caplog.text


def test_ngff_of_a_later_version_is_refused(truth, tmp_path):
    """Its axes, which may be x, y, z, stand elsewhere; they are not to be guessed."""
    image = {"coordinateSystems": [{"name": "a", "axes": [{"name": n} for n in "xyz"]}]}
    ngff(tmp_path / "ct.zarr", truth, image)
    with pytest.raises(InputError, match=r"its axes stand in coordinateSystems, .* from 0\.6 on"):
        open_volume(f"{tmp_path}/ct.zarr")


def test_root_of_bioformats2raw(truth, tmp_path):
    path = tmp_path / "ct.zarr"
    ngff(path, truth, {"axes": ["z", "y", "x"]}, at="0")
    the_same(path, truth)
    ngff(path, truth[:3], {"axes": ["z", "y", "x"]}, at="1")
    with pytest.raises(InputError, match=r"holds several images; .* one of: ::/0; ::/1"):
        open_volume(str(path))
    the_same(f"{path}::/1", truth[:3])


def test_zarr_with_named_dimensions(truth, tmp_path):
    zarr.create_array(f"{tmp_path}/ct.zarr", data=np.ascontiguousarray(truth.T),
                      dimension_names=["x", "y", "z"])  # fmt: skip
    the_same(tmp_path / "ct.zarr", truth)


@pytest.mark.parametrize("version", [2, 3])
def test_cut_blosc_chunk(version, truth, tmp_path):
    """Blosc itself would read beyond the chunk's memory."""
    path = tmp_path / "ct.zarr"
    codec = numcodecs.Blosc() if version == 2 else zarr.codecs.BloscCodec()
    zarr.create_array(str(path), data=truth, chunks=(5, 10, 14), zarr_format=version,
                      compressors=codec)  # fmt: skip
    the_same(path, truth)
    chunk = path / ("1.0.0" if version == 2 else "c/1/0/0")
    chunk.write_bytes(chunk.read_bytes()[:-100])
    source = open_volume(str(path))
    np.testing.assert_array_equal(source.read(0, 5), truth[:5])
    with pytest.raises(
        InputError, match=r"planes 4–7 cannot be read \(its chunk .*1.0.0 is not as"
    ):
        source.read(4, 8)


def test_damaged_blosc_chunk_in_a_shard(truth, tmp_path):
    path = tmp_path / "ct.zarr"
    zarr.create_array(str(path), data=truth, chunks=(6, 5, 7), shards=(6, 10, 14),
                      compressors=zarr.codecs.BloscCodec())  # fmt: skip
    the_same(path, truth)
    shard = path / "c" / "1" / "0" / "0"
    data = bytearray(shard.read_bytes())
    data[12:16] = b"\xff\xff\xff\x7f"  # the length of its first chunk
    shard.write_bytes(data)
    source = open_volume(str(path))
    np.testing.assert_array_equal(source.read(0, 6), truth[:6])
    with pytest.raises(InputError, match="its chunk c/1/0/0 is not as long as it says"):
        source.read(6, 12)


def test_channels_are_refused_with_the_axes(truth, tmp_path):
    ngff(tmp_path / "ct.zarr", np.stack([truth, truth]), {"axes": ["c", "z", "y", "x"]})
    with pytest.raises(InputError, match="with the axes c, z, y, x; a volume must be one grey"):
        open_volume(f"{tmp_path}/ct.zarr")


# ---- HDF5 ----------------------------------------------------------------------------------------


def test_linked_and_virtual_hdf5(truth, tmp_path, caplog):
    write_hdf5(tmp_path / "part.h5", truth)
    with h5py.File(tmp_path / "ct.h5", "w") as file:
        file["a/link"] = h5py.ExternalLink("part.h5", "/entry/data/data")
        file["a/itself"] = h5py.SoftLink("/a")
        layout = h5py.VirtualLayout(SHAPE, "u2")
        layout[:] = h5py.VirtualSource("part.h5", "entry/data/data", SHAPE)
        file.create_virtual_dataset("virtual", layout)
    for dataset in ("/a/link", "/virtual"):
        the_same(f"{tmp_path}/ct.h5::{dataset}", truth)
    assert len(re.findall(r"part\.h5, which", caplog.text)) == 2
    with pytest.raises(InputError, match=r"one of: .*/a/link \(12, 10, 14\) uint16"):
        open_volume(f"{tmp_path}/ct.h5")
    (tmp_path / "part.h5").rename(tmp_path / "moved.h5")
    with pytest.raises(InputError, match=r"/a/link is a link to .* in part\.h5, which cannot"):
        open_volume(f"{tmp_path}/ct.h5::/a/link")
    with pytest.raises(InputError, match=r"/virtual lie in part\.h5, which is missing"):
        open_volume(f"{tmp_path}/ct.h5::/virtual")
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["other"] = truth
    with pytest.raises(InputError, match=r"entry/data/data of part\.h5, which is missing there"):
        open_volume(f"{tmp_path}/ct.h5::/virtual")


def virtual(path, shape, *parts):
    """A virtual dataset of planes (first, stop) of datasets called data in other files."""
    layout = h5py.VirtualLayout(shape, "u2")
    for first, stop, file in parts:
        layout[first:stop] = h5py.VirtualSource(file, "data", (stop - first, *shape[1:]))
    with h5py.File(path, "w") as opened:
        opened.create_virtual_dataset("data", layout, fillvalue=7)


def test_virtual_hdf5_of_virtual_hdf5(truth, tmp_path, caplog):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = truth
    virtual(tmp_path / "b.h5", SHAPE, (0, 12, "a.h5"))
    virtual(tmp_path / "c.h5", (15, *SHAPE[1:]), (0, 12, "b.h5"))
    the_same(f"{tmp_path}/c.h5::/data", np.pad(truth, [(0, 3), (0, 0), (0, 0)], constant_values=7))
    assert "20 % of the values of /data lie in no file; they count as 7" in caplog.text
    (tmp_path / "a.h5").unlink()
    with pytest.raises(
        InputError, match=r"c\.h5: the values of /data lie in a\.h5, which is missing"
    ):
        open_volume(f"{tmp_path}/c.h5::/data")


def test_hdf5_of_a_filter_that_is_not_there(truth, tmp_path):
    create = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    create.set_chunk(SHAPE)
    create.set_filter(32768, h5py.h5z.FLAG_OPTIONAL, (0, 2))  # nobody's
    with h5py.File(tmp_path / "ct.h5", "w") as file:
        h5py.h5d.create(
            file.id, b"data", h5py.h5t.NATIVE_UINT16, h5py.h5s.create_simple(SHAPE), create
        )
    with pytest.raises(InputError, match=r"ct\.h5: /data is compressed .*32768.*hdf5plugin"):
        open_volume(f"{tmp_path}/ct.h5::/data")


def test_bigdataviewer(truth, tmp_path):
    with h5py.File(tmp_path / "ct.h5", "w") as file:
        file["t00000/s00/0/cells"] = truth.view("i2")
        file["s00/resolutions"] = [[2.0, 1.0, 1.0]]
    path = f"{tmp_path}/ct.h5::/t00000/s00/0/cells"
    the_same(path, truth)
    size = "<voxelSize><unit>mm</unit><size>0.004 0.005 0.006</size></voxelSize>"
    (tmp_path / "ct.xml").write_text(f"<a><ViewSetup>{size}</ViewSetup></a>")
    the_same(path, truth, (6, 5, 8))


def test_bigdataviewer_of_another_form_than_expected(truth, tmp_path):
    with h5py.File(tmp_path / "ct.h5", "w") as file:
        file["t00000/s00/0/cells"] = truth.view("i2")
        file["s00/resolutions"] = [[2.0, 1.0]]
    size = "<voxelSize><unit>mm</unit><size>0.004 0.005 0.006</size></voxelSize>"
    (tmp_path / "ct.xml").write_text(f"<a><ViewSetup>{size}</ViewSetup></a>")
    with pytest.raises(InputError, match=r"ct\.h5: its header cannot be read .*is it damaged"):
        open_volume(f"{tmp_path}/ct.h5::/t00000/s00/0/cells")


def test_hdf5_that_another_program_writes(truth, tmp_path):
    path = write_hdf5(tmp_path / "ct.h5", truth)
    with h5py.File(tmp_path / "ct.h5", "a"):
        read = f"from virtual_staining.readers.open_raw import open_volume; open_volume({path!r})"
        done = subprocess.run([sys.executable, "-c", read], capture_output=True, text=True)
    assert "ct.h5: another program has it open for writing; close it there" in done.stderr


def test_bigdataviewer_setups_go_by_their_id(truth, tmp_path):
    with h5py.File(tmp_path / "ct.h5", "w") as file:
        file["t00000/s01/0/cells"] = truth.view("i2")
        file["s01/resolutions"] = [[1.0, 1.0, 1.0]]
    setups = "".join(
        f"<ViewSetup><id>{n}</id><voxelSize><unit>um</unit><size>{um}</size></voxelSize>"
        "</ViewSetup>" for n, um in ((1, "4 5 6"), (0, "9 9 9"))
    )  # fmt: skip
    (tmp_path / "ct.xml").write_text(f"<SpimData>{setups}</SpimData>")
    the_same(f"{tmp_path / 'ct.h5'}::/t00000/s01/0/cells", truth, (6.0, 5.0, 4.0))


@pytest.mark.parametrize("size", ["6 5 4", b"[6, 5, 4]", [6, 5, 4]])
def test_element_size_as_text(size, truth, tmp_path):
    path = write_hdf5(tmp_path / "ct.h5", truth)
    with h5py.File(tmp_path / "ct.h5", "a") as file:
        file["entry/data/data"].attrs["element_size_um"] = size
    the_same(path, truth, (6.0, 5.0, 4.0))


def characters(text):
    return np.array(list(text), "S1")


def test_imaris(truth, tmp_path):
    """Its chunks are padded with zeros; sizes and extents are text."""
    padded = np.pad(truth, [(0, 4), (0, 6), (0, 2)])
    with h5py.File(tmp_path / "ct.ims", "w") as file:
        channel = file.create_group("DataSet/ResolutionLevel 0/TimePoint 0/Channel 0")
        channel.create_dataset("Data", data=padded, chunks=(8, 8, 8))
        info = file.create_group("DataSetInfo/Image")
        info.attrs["Unit"] = characters("mm")
        for k, (axis, n, um) in enumerate(zip("XYZ", SHAPE[::-1], (4, 5, 6), strict=True)):
            channel.attrs[f"ImageSize{axis}"] = characters(str(n))
            info.attrs[f"ExtMin{k}"] = characters("-1")
            info.attrs[f"ExtMax{k}"] = characters(f"{n * um / 1000 - 1:.6f}")
    the_same(tmp_path / "ct.ims", truth, (6, 5, 4))
    with h5py.File(tmp_path / "ct.ims", "a") as file:
        file.copy(file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0"],
                  file["DataSet/ResolutionLevel 0/TimePoint 0"], "Channel 1")  # fmt: skip
    the_same(f"{tmp_path}/ct.ims::1", truth, (6, 5, 4))
    with pytest.raises(InputError, match=r"holds the channels 0, 1; write .* ct\.ims::number"):
        open_volume(f"{tmp_path}/ct.ims")
    with h5py.File(tmp_path / "ct.ims", "a") as file:
        file.create_group("DataSet/ResolutionLevel 0/TimePoint 1")
    with pytest.raises(InputError, match="holds 2 time points"):
        open_volume(f"{tmp_path}/ct.ims::0")


def test_no_voxels_and_half_floats(truth, tmp_path):
    with h5py.File(tmp_path / "ct.h5", "w") as file:
        file["data"] = truth[:0]
    with pytest.raises(InputError, match="holds 0 x 10 x 14 voxels"):
        open_volume(f"{tmp_path}/ct.h5::/data")
    halves = truth.astype(">f2")
    (tmp_path / "ct.raw").write_bytes(halves.tobytes())
    the_same(f"{tmp_path}/ct.raw::float16:12,10,14:big", halves)


# ---- slices --------------------------------------------------------------------------------------


def bmp(plane, path):
    Image.fromarray(plane).save(path)


ENCODERS = {
    "png": lambda plane, path: path.write_bytes(imagecodecs.png_encode(plane)),
    "jp2": lambda plane, path: path.write_bytes(imagecodecs.jpeg2k_encode(plane, level=0)),
    "bmp": bmp,
    "tif": lambda plane, path: tifffile.imwrite(path, plane),
}


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [("png", "u1"), ("png", "u2"), ("jp2", "u1"), ("jp2", "u2"), ("bmp", "u1"), ("BMP", "u1")],
)
def test_slices_of_pictures(suffix, dtype, truth, tmp_path):
    volume = np.ascontiguousarray((truth >> (8 if dtype == "u1" else 0)).astype(dtype))
    for z, plane in enumerate(volume):
        ENCODERS[suffix.lower()](plane, tmp_path / f"rec{z:04d}.{suffix}")
    (tmp_path / "rec.log").write_text("made by")
    the_same(tmp_path, volume)


@pytest.mark.parametrize("dtype", ["i1", "i2"])
def test_signed_jpeg_2000(dtype, truth, tmp_path):
    """Of which Pillow says that it is unsigned."""
    volume = (truth.astype("i4") - 32768 >> (8 if dtype == "i1" else 0)).astype(dtype)
    for z, plane in enumerate(volume):
        ENCODERS["jp2"](plane, tmp_path / f"rec{z:04d}.jp2")
    assert open_volume(str(tmp_path)).dtype == dtype and volume.min() < 0
    the_same(tmp_path, volume)


def test_grey_palettes_are_greys_and_colours_are_refused(truth, tmp_path):
    volume = np.ascontiguousarray((truth >> 8).astype("u1"))
    greys = np.arange(256, dtype=np.uint16) * 257
    for z, plane in enumerate(volume):
        tifffile.imwrite(tmp_path / f"s{z}.tif", plane, photometric="palette",
                         colormap=np.stack([greys] * 3))  # fmt: skip
    the_same(tmp_path, volume)
    tifffile.imwrite(tmp_path / "s3.tif", volume[3], photometric="palette",
                     colormap=np.stack([greys, greys[::-1], greys]))  # fmt: skip
    with pytest.raises(InputError, match=r"s3\.tif: holds PALETTE pixels"):
        open_volume(str(tmp_path))


def test_the_content_of_a_picture_tells_its_format(truth, tmp_path):
    plane = (truth[0] >> 8).astype("u1")
    path = tmp_path / "ct" / "s0.bmp"
    path.parent.mkdir()
    for z in range(3):
        data = imagecodecs.png_encode(plane + np.uint8(z))
        path.with_name(f"s{z}.bmp").write_bytes(data)
    the_same(path.parent, np.stack([plane + np.uint8(z) for z in range(3)]))


def test_a_grey_that_counts_as_transparent_is_a_grey(truth, tmp_path):
    planes = (truth[:3] >> 8).astype("u1")
    (tmp_path / "ct").mkdir()
    for z, plane in enumerate(planes):
        Image.fromarray(plane).save(tmp_path / "ct" / f"s{z}.png", transparency=int(plane[0, 0]))
    the_same(tmp_path / "ct", planes)


def test_truth_values_are_0_and_1(truth, tmp_path):
    volume = truth > 30000
    tifffile.imwrite(tmp_path / "ct.tif", volume, photometric="minisblack")
    the_same(tmp_path / "ct.tif", volume)


# ---- OME-TIFF in many files ----------------------------------------------------------------------


def write_series(folder, volume, metadata="in all", name="s_{:02d}.ome.tif"):
    """OME-TIFF with a plane a file; the metadata in every file or in a companion."""
    folder.mkdir()
    names = [name.format(z) for z in range(len(volume))]
    planes = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{z:08d}'
        "</UUID></TiffData>"
        for z, name in enumerate(names)
    )
    nz, ny, nx = volume.shape
    sizes = "".join(f' PhysicalSize{a}="5"' for a in "XYZ")
    head = '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{}">'
    pixels = (
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeC="1" '
        f'SizeX="{nx}" SizeY="{ny}" SizeZ="{nz}" SizeT="1"{sizes}><Channel ID="Channel:0:0" '
        f'SamplesPerPixel="1"/>{planes}</Pixels></Image></OME>'
    )
    for z, (name, plane) in enumerate(zip(names, volume, strict=True)):
        text = head.format(f"{z:08d}") + pixels
        if metadata == "companion":
            text = head.format(f"{z:08d}")
            text += f'<BinaryOnly MetadataFile="s.companion.ome" UUID="urn:uuid:{99:08d}"/></OME>'
        tifffile.imwrite(folder / name, plane, description=text, metadata=None,
                         photometric="minisblack", compression="zlib")  # fmt: skip
    if metadata == "companion":
        (folder / "s.companion.ome").write_text(head.format(f"{99:08d}") + pixels)


@pytest.mark.parametrize("metadata", ["in all", "companion"])
def test_ome_tiff_in_many_files_is_read_from_any_of_them(metadata, truth, tmp_path):
    folder = tmp_path / "scan"
    write_series(folder, truth, metadata)
    the_same(folder / "s_00.ome.tif", truth, (5, 5, 5))
    the_same(folder / "s_07.ome.tif", truth, (5, 5, 5))
    if metadata == "companion":
        the_same(folder / "s.companion.ome", truth, (5, 5, 5))
    np.testing.assert_array_equal(open_volume(str(folder)).read(0, 12), truth)
    (folder / "s_05.ome.tif").unlink()
    with pytest.raises(InputError, match=r"s_07\.ome\.tif: a file of the series is missing .*s_05"):
        open_volume(str(folder / "s_07.ome.tif"))


@pytest.mark.parametrize("odd", ["u1", "shape"])
def test_ome_tiff_of_planes_that_are_not_alike(odd, truth, tmp_path):
    write_series(tmp_path / "scan", truth)
    plane = truth[4, :5] if odd == "shape" else truth[4].astype(odd)
    tifffile.imwrite(tmp_path / "scan" / "s_04.ome.tif", plane)
    with pytest.raises(InputError, match=r"plane 4, in s_04\.ome\.tif, is .*all must be alike"):
        open_volume(f"{tmp_path}/scan/s_00.ome.tif")


def test_ome_tiff_of_more_planes_than_its_metadata_say(truth, tmp_path):
    write_series(tmp_path / "scan", truth)
    for path in (tmp_path / "scan").iterdir():
        path.write_bytes(path.read_bytes().replace(b'SizeZ="12"', b'SizeZ="11"'))
    with pytest.raises(InputError, match=r"damaged or truncated .*invalid TiffData index"):
        open_volume(f"{tmp_path}/scan/s_00.ome.tif")


def test_folder_of_an_ome_tiff_is_read_as_its_metadata_say(truth, tmp_path):
    """Here against the order of the names."""
    names = "wxyzabcdefgh"
    write_series(tmp_path / "scan", truth, name="s_{:d}.ome.tif")
    the_same(tmp_path / "scan", truth, (5, 5, 5))
    for z in range(12):
        path = tmp_path / "scan" / f"s_{z}.ome.tif"
        text = tifffile.tiffcomment(path)
        text = re.sub(r"s_(\d+)\.ome", lambda m: f"s_{names[int(m[1])]}.ome", text)
        path.unlink()
        tifffile.imwrite(tmp_path / "scan" / f"s_{names[z]}.ome.tif", truth[z], description=text,
                         metadata=None, photometric="minisblack")  # fmt: skip
    the_same(tmp_path / "scan", truth, (5, 5, 5))


def test_folder_of_an_ome_tiff_that_lacks_a_file(truth, tmp_path):
    """The last one, so that the names alone would look whole."""
    write_series(tmp_path / "ct", truth)
    (tmp_path / "ct" / "s_11.ome.tif").unlink()
    with pytest.raises(InputError, match=r"name 12 files, of which 1 are missing, s_11\.ome\.tif"):
        open_volume(str(tmp_path / "ct"))


def test_the_largest_stack_or_the_one_that_is_named(truth, tmp_path, caplog):
    path = tmp_path / "ct.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as tif:
        for name, volume in (("preview", truth[:, ::2, ::2]), ("ct", truth)):
            tif.write(volume, photometric="minisblack", metadata={"axes": "ZYX", "Name": name})
    with caplog.at_level(logging.INFO):
        the_same(path, truth)
    assert "the largest stack, ::1, is read" in caplog.text
    the_same(f"{path}::preview", truth[:, ::2, ::2])
    with pytest.raises(InputError, match="has no image 5; its images are ::0"):
        open_volume(f"{path}::5")
