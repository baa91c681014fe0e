"""Any type, byte order, order of axes and unit: the same voxels and the same µm come back."""

import zlib
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from virtual_staining.errors import InputError
from virtual_staining.readers.open_raw import open_volume

SHAPE, SIZE_UM = (5, 4, 3), (6.0, 5.0, 4.0)  # z, y, x
UNITS = {"micrometer": 1.0, "millimeter": 1e3, "nanometer": 1e-3, "meter": 1e6, "micron": 1.0}
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "?"]
ORDERS = ["<", ">"]
few = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def values(kind, order="<", seed=0):
    """A volume with every value of a type's range likely."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(kind).newbyteorder(order)
    if dtype.kind == "f":
        return rng.normal(0, 100, SHAPE).astype(dtype)
    if dtype.kind == "b":
        return rng.integers(0, 2, SHAPE).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, SHAPE, np.dtype(kind)).astype(dtype)


def the_same(path, volume, size_um=SIZE_UM):
    """Demand the values, in two reads, a type with which one calculates, and the size."""
    source = open_volume(str(path))
    assert source.shape == volume.shape
    found = np.concatenate([source.read(0, 2), source.read(2, len(volume))])
    assert found.dtype == source.dtype and found.dtype.isnative and found.dtype not in ("f2", "?")
    np.testing.assert_array_equal(found, volume)
    if size_um is None:
        assert source.voxel_size_um is None
    else:
        assert source.voxel_size_um == pytest.approx(size_um, rel=1e-5)


@few
@given(
    kind=st.sampled_from(TYPES),
    order=st.sampled_from(ORDERS),
    axes=st.permutations("zyx"),
    unit=st.sampled_from(list(UNITS)),
    lead=st.sampled_from([(), ("c",), ("t", "c")]),
    factor=st.floats(0.1, 10),
    moved=st.booleans(),
    new=st.booleans(),
    version=st.sampled_from([2, 3]),
)
def test_ngff(tmp_path_factory, kind, order, axes, unit, lead, factor, moved, new, version):
    """Scales of level and image multiply; axes go by their names, wherever they stand."""
    path = tmp_path_factory.mktemp("v") / "ct.ome.zarr"
    volume = values(kind, order)
    names = [*lead, *axes]
    stored = volume.transpose(["zyx".index(a) for a in axes]).reshape(
        *(1 for _ in lead), *(SHAPE["zyx".index(a)] for a in axes)
    )
    size = dict(zip("zyx", (um / UNITS[unit] for um in SIZE_UM), strict=True))
    level = [{"type": "scale", "scale": [size.get(a, 1) / factor for a in names]}]
    if moved:
        level.insert(0, {"type": "translation", "translation": [7.0] * len(names)})
    image = {
        "axes": [{"name": a} | ({"type": "space", "unit": unit} if a in "zyx" else {})
                 for a in names],
        "datasets": [{"path": "0", "coordinateTransformations": level}],
        "coordinateTransformations": [{"type": "scale", "scale": [factor] * len(names)}],
    }  # fmt: skip
    group = zarr.open_group(str(path), mode="w", zarr_format=version)
    group.create_array("0", data=stored, chunks=tuple(min(n, 2) for n in stored.shape))
    attributes = {"multiscales": [image | {"version": "0.4"}]}
    group.attrs.update({"ome": attributes | {"version": "0.5"}} if new else attributes)
    the_same(path, volume)


@few
@given(
    kind=st.sampled_from(TYPES),
    order=st.sampled_from(ORDERS),
    layout=st.sampled_from(["", "1zyx", "zyx1", "xyz"]),
    chunked=st.booleans(),
)
def test_hdf5(tmp_path_factory, kind, order, layout, chunked):
    path = tmp_path_factory.mktemp("v") / "ct.h5"
    volume = values(kind, order)
    stored = {"1zyx": volume[None], "zyx1": volume[..., None], "xyz": volume.transpose(2, 1, 0)}
    array = np.ascontiguousarray(stored.get(layout, volume))
    with h5py.File(path, "w") as file:
        data = file.create_dataset("a/b", data=array, chunks=True if chunked else None)
        if layout == "xyz":
            data.attrs["axistags"] = '{"axes": [{"key": "x"}, {"key": "y"}, {"key": "z"}]}'
        data.attrs["element_size_um"] = SIZE_UM
    the_same(f"{path}::/a/b", volume)


@few
@given(
    kind=st.sampled_from(TYPES[:-1]),
    order=st.sampled_from(ORDERS),
    compressed=st.booleans(),
    inverse=st.booleans(),
    unit=st.sampled_from(
        [("µm", 1), ("mm", 1e3), ("nm", 1e-3), ("Å", 1e-4), ("cm", 1e4), ("m", 1e6)]
    ),
)
def test_ome_tiff(tmp_path_factory, kind, order, compressed, inverse, unit):
    """Also as a folder of slices, which says no size."""
    volume = values(kind, order)
    stored = volume
    if inverse and volume.dtype.kind == "u":
        stored = np.iinfo(volume.dtype).max - volume
    options = {"byteorder": order, "compression": "zlib" if compressed else None}
    options["photometric"] = "miniswhite" if stored is not volume else "minisblack"
    name, factor = unit
    sizes = {f"PhysicalSize{a}": um / factor for a, um in zip("ZYX", SIZE_UM, strict=True)}
    sizes |= {f"PhysicalSize{a}Unit": name for a in "ZYX"}
    folder = tmp_path_factory.mktemp("v")
    path = folder / "ct.ome.tif"
    ome = kind not in ("f2", "u8", "i8")  # types that OME does not have
    metadata = {"axes": "ZYX", **sizes} if ome else None
    tifffile.imwrite(path, stored, ome=ome, metadata=metadata, **options)
    the_same(path, volume, SIZE_UM if ome else None)
    (folder / "slices").mkdir()
    for z, plane in enumerate(stored):
        tifffile.imwrite(folder / "slices" / f"s{z}.tif", plane, **options)
    the_same(folder / "slices", volume, None)


METAIMAGE = {"i1": "CHAR", "u1": "UCHAR", "i2": "SHORT", "u2": "USHORT", "i4": "INT", "u4": "UINT",
             "i8": "LONG_LONG", "u8": "ULONG_LONG", "f4": "FLOAT", "f8": "DOUBLE"}  # fmt: skip
NRRD = {"i1": "int8", "u1": "uchar", "i2": "short", "u2": "unsigned short", "i4": "int32",
        "u4": "uint", "i8": "int64", "u8": "uint64", "f4": "float", "f8": "double"}  # fmt: skip


@few
@given(
    kind=st.sampled_from(list(METAIMAGE)),
    order=st.sampled_from(ORDERS),
    compressed=st.booleans(),
    beside=st.booleans(),
)
def test_metaimage_and_nrrd(tmp_path_factory, kind, order, compressed, beside):
    folder = tmp_path_factory.mktemp("v")
    volume = values(kind, order)
    if compressed:
        deflate = zlib.compressobj(wbits=31)  # gzip
        packed = {"mhd": zlib.compress(volume.tobytes())}
        packed["nhdr"] = deflate.compress(volume.tobytes()) + deflate.flush()
    else:
        packed = dict.fromkeys(("mhd", "nhdr"), volume.tobytes())
    spacing = " ".join(str(um / 1000) for um in SIZE_UM[::-1])
    where = "ct.bin" if beside else "LOCAL"
    head = (f"ObjectType = Image\nNDims = 3\nBinaryData = True\nCompressedData = {compressed}\n"
            f"BinaryDataByteOrderMSB = {order == '>'}\nElementSpacing = {spacing}\n"
            f"DimSize = 3 4 5\nElementType = MET_{METAIMAGE[kind]}\n"
            f"ElementDataFile = {where}\n")  # fmt: skip
    written(folder / "ct.mhd", head, packed["mhd"], beside)
    the_same(folder / "ct.mhd", volume)
    head = (f"NRRD0004\n# comment\ntype: {NRRD[kind]}\ndimension: 3\nsizes: 3 4 5\nencoding: "
            f"{'gzip' if compressed else 'raw'}\nendian: {'big' if order == '>' else 'little'}\n"
            'space dimension: 3\nspace units: "um" "um" "um"\n'
            "space directions: (0,4,0) (5,0,0) (0,0,-6)\n")  # fmt: skip
    head += "data file: ct.bin\n" if beside else "\n"
    written(folder / "ct.nhdr", head, packed["nhdr"], beside)
    the_same(folder / "ct.nhdr", volume)


def written(path: Path, head: str, data: bytes, beside: bool) -> None:
    path.write_bytes(head.encode() + (b"" if beside else data))
    (path.parent / "ct.bin").write_bytes(data if beside else b"")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("kind", ["u1", ">i2", "f4"])
@pytest.mark.parametrize(("suffix", "unit"), [("nii", "mm"), ("nii.gz", "micron"), ("nii", "meter"),
                                              ("nii.gz", "unknown")])  # fmt: skip
def test_nifti(version, kind, suffix, unit, tmp_path):
    volume = values(kind[-2:], kind[0] if len(kind) > 2 else "<")
    image = {1: nibabel.Nifti1Image, 2: nibabel.Nifti2Image}[version]
    factor = {"mm": 1e3, "micron": 1.0, "meter": 1e6, "unknown": 1e3}[unit]
    header = image.header_class(endianness=">" if kind[0] == ">" else "<")
    header.set_data_dtype(kind)
    stored = image(volume.T, np.diag([*(um / factor for um in SIZE_UM[::-1]), 1]), header)
    stored.header.set_xyzt_units(unit)
    path = tmp_path / f"ct.{suffix}"
    nibabel.save(stored, path)
    the_same(path, volume)
    assert open_volume(str(path)).unit_assumed == (unit == "unknown")


@pytest.mark.parametrize("step", [0, -1, np.nan, np.inf])
def test_a_nifti_without_a_usable_size(step, tmp_path):
    """nibabel would make 1 of 0, and of -1."""
    volume = values("i2")
    image = nibabel.Nifti1Image(volume.T, np.eye(4))
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / "ct.nii")
    data = bytearray((tmp_path / "ct.nii").read_bytes())
    data[80:84] = np.float32(step).tobytes()
    (tmp_path / "ct.nii").write_bytes(data)
    the_same(tmp_path / "ct.nii", volume, None)


def test_nifti_slope_and_intercept(tmp_path):
    volume = values("i2")
    image = nibabel.Nifti1Image(volume.T, np.eye(4))
    path = tmp_path / "ct.nii"
    nibabel.save(image, path)
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([0.5, 10], "<f4").tobytes()
    path.write_bytes(data)
    the_same(path, 0.5 * volume.astype("f4") + 10, None)


@pytest.mark.parametrize("image", [nibabel.Nifti1Pair, nibabel.Spm99AnalyzeImage])
def test_pairs_of_header_and_values(image, tmp_path):
    """NIfTI's and Analyze's; the values beside it lead to the header by a message."""
    volume = values("i2")
    stored = image(volume.T, np.diag([*(um / 1000 for um in SIZE_UM[::-1]), 1]))
    nibabel.save(stored, tmp_path / "ct.img")
    the_same(tmp_path / "ct.hdr", volume)
    assert open_volume(str(tmp_path / "ct.hdr")).unit_assumed
    with pytest.raises(InputError, match=r"no header.*or name ct\.hdr, its header"):
        open_volume(str(tmp_path / "ct.img"))
    (tmp_path / "ct.img").write_bytes((tmp_path / "ct.img").read_bytes()[:50])
    with pytest.raises(InputError, match=r"ct\.img: truncated: it holds 50 bytes of"):
        open_volume(str(tmp_path / "ct.hdr"))
    (tmp_path / "ct.img").unlink()
    with pytest.raises(InputError, match=r"ct\.hdr: its values lie in ct\.img, which is missing"):
        open_volume(str(tmp_path / "ct.hdr"))


def test_nifti_whose_name_is_in_capitals(tmp_path):
    volume = values("i2")
    nibabel.save(
        nibabel.Nifti1Image(volume.T, np.diag([0.004, 0.005, 0.006, 1])), tmp_path / "c.nii.gz"
    )
    (tmp_path / "c.nii.gz").rename(tmp_path / "CT.NII.GZ")
    the_same(tmp_path / "CT.NII.GZ", volume)
