"""Raw volumes in every container and in every state of damage, written by the tests."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import SimpleITK as sitk
import tifffile
import zarr

from virtual_staining.artefacts import volume as omezarr
from virtual_staining.readers.open_raw import open_volume

SHAPE = (12, 10, 14)


def the_same(path, volume, size_um=None):
    """Assert that a file reads as this volume, with these voxels, µm in (z, y, x)."""
    source = open_volume(str(path))
    np.testing.assert_array_equal(source.read(0, len(volume)), volume)
    wanted = None if size_um is None else pytest.approx(size_um, nan_ok=True)
    assert source.voxel_size_um == wanted


def write_folder(folder, volume, **options):
    folder.mkdir()
    for z, plane in enumerate(volume):
        tifffile.imwrite(folder / f"slice_{z:04d}.tif", plane, **options)
    return str(folder)


def write_tiff(path, volume, **options):
    tifffile.imwrite(path, volume, **options)
    return str(path)


def write_pages(path, volume, **options):
    with tifffile.TiffWriter(path) as tif:
        for plane in volume:
            tif.write(plane, metadata=None, contiguous=False, **options)
    return str(path)


def write_hdf5(path, volume, **options):
    with h5py.File(path, "w") as file:
        file.create_dataset("entry/data/data", data=volume, **options)
        file.create_dataset("entry/angles", data=np.arange(5.0))
    return f"{path}::/entry/data/data"


def write_itk(path, volume, compress=False):
    image = sitk.GetImageFromArray(volume)
    image.SetSpacing((0.005, 0.005, 0.005))
    sitk.WriteImage(image, str(path), useCompression=compress)
    return str(path)


def write_raw(path, volume, header, skip=0):
    path.write_bytes(b"h" * skip + volume.tobytes())
    return f"{path}::{header}"


def write_zarr(path, volume, **options):
    zarr.create_array(path, data=volume, chunks=(5, 4, 4), **options)
    return path


def write_ngff04(path, volume):
    group = zarr.create_group(path, zarr_format=2)
    group.create_array("0", data=volume[None], chunks=(1, 5, 4, 4))
    units = [{"type": "channel"}] + [{"type": "space", "unit": "millimeter"}] * 3
    axes = [{"name": name} | unit for name, unit in zip("czyx", units, strict=True)]
    scale = [{"type": "scale", "scale": [1.0, 0.005, 0.004, 0.004]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    return path


def write_ngff05(path, volume):
    omezarr.write_volume_pyramid(path, volume, 5.0)
    return str(path)


CONTAINERS = {
    "folder": lambda d, v: write_folder(d / "ct", v),
    "folder, compressed": lambda d, v: write_folder(d / "ct", v, compression="zlib"),
    "folder, big-endian": lambda d, v: write_folder(d / "ct", v, byteorder=">"),
    "BigTIFF": lambda d, v: write_tiff(d / "ct.tif", v, bigtiff=True, photometric="minisblack"),
    "TIFF, compressed": lambda d, v: write_tiff(d / "ct.tif", v, compression="zlib"),
    "TIFF, plain pages": lambda d, v: write_pages(d / "ct.tif", v),
    "TIFF, tiled": lambda d, v: write_pages(d / "ct.tif", v, tile=(16, 16)),
    "ImageJ": lambda d, v: write_tiff(d / "ct.tif", v, imagej=True, metadata={"axes": "ZYX"}),
    "OME-TIFF": lambda d, v: write_tiff(d / "ct.ome.tif", v, metadata={"axes": "ZYX"}),
    "HDF5": lambda d, v: write_hdf5(d / "ct.h5", v),
    "HDF5, chunked": lambda d, v: write_hdf5(d / "ct.nxs", v, chunks=(5, 4, 4), compression="gzip"),
    "MHA": lambda d, v: write_itk(d / "ct.mha", v),
    "MHA, compressed": lambda d, v: write_itk(d / "ct.mha", v, compress=True),
    "MHD": lambda d, v: write_itk(d / "ct.mhd", v),
    "NRRD": lambda d, v: write_itk(d / "ct.nrrd", v),
    "NIfTI": lambda d, v: write_itk(d / "ct.nii", v),
    "raw": lambda d, v: write_raw(d / "ct.raw", v, "uint16:12,10,14"),
    "raw, big-endian, with a head": lambda d, v: write_raw(
        d / "ct.vol", v.astype(">u2"), "uint16:12,10,14:big:skip=7", 7
    ),
    "Zarr": lambda d, v: write_zarr(f"{d}/ct.zarr", v),
    "Zarr, array in a group": lambda d, v: write_zarr(f"{d}/ct.zarr", v, name="a/b") + "::/a/b",
    "Zarr 2": lambda d, v: write_zarr(f"{d}/ct.zarr", v, zarr_format=2),
    "OME-Zarr 0.4": lambda d, v: write_ngff04(f"{d}/ct.ome.zarr", v),
    "OME-Zarr 0.5": lambda d, v: write_ngff05(d / "ct.ome.zarr", v),
    "NIfTI, gzip": lambda d, v: write_itk(d / "ct.nii.gz", v),
}


def damaged(kind, folder, volume):
    """Write one damaged volume and return its path."""
    slices = folder / "ct"
    if kind == "missing file":
        return str(folder / "none.tif")
    if kind == "empty folder":
        slices.mkdir()
        return str(slices)
    if kind.startswith("slice"):
        write_folder(slices, volume)
        if kind == "slice missing":
            (slices / "slice_0004.tif").unlink()
        elif kind == "slice of other shape":
            tifffile.imwrite(slices / "slice_0004.tif", volume[0, :5])
        elif kind == "slice of other type":
            tifffile.imwrite(slices / "slice_0004.tif", volume[0].astype(np.uint8))
        elif kind == "slice empty":
            (slices / "slice_0004.tif").write_bytes(b"")
        elif kind == "slice garbled":
            tifffile.imwrite(slices / "slice_0004.tif", volume[0], compression="zlib")
            data = bytearray((slices / "slice_0004.tif").read_bytes())
            data[-60:] = bytes(60)
            (slices / "slice_0004.tif").write_bytes(data)
        elif kind == "slice truncated":
            data = (slices / "slice_0004.tif").read_bytes()
            (slices / "slice_0004.tif").write_bytes(data[:-100])
        elif kind == "slice RGB":
            tifffile.imwrite(slices / "slice_0004.tif", np.zeros((10, 14, 3), np.uint8),
                             photometric="rgb")  # fmt: skip
        return str(slices)
    if kind.startswith("truncated"):
        container = kind.removeprefix("truncated ")
        written = CONTAINERS[container](folder, volume)
        path = Path(written.partition("::")[0])
        path = path.with_suffix(".raw") if container == "MHD" else path
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
        return written
    if kind == "MHD without its data":
        written = write_itk(folder / "ct.mhd", volume)
        (folder / "ct.raw").unlink()
        return written
    if kind == "RGB":
        return write_tiff(folder / "ct.tif", np.zeros((5, 9, 9, 3), np.uint8), photometric="rgb")
    if kind == "one page":
        return write_tiff(folder / "ct.tif", volume[0])
    if kind == "wrong HDF5 path":
        return write_hdf5(folder / "ct.h5", volume).replace("data/data", "image")
    if kind == "no HDF5 path":
        return write_hdf5(folder / "ct.h5", volume).partition("::")[0]
    if kind.startswith("all zero"):
        values = volume.astype(np.float32) if "float" in kind else volume
        return write_tiff(folder / "ct.tif", 0 * values, photometric="minisblack")
    if kind in ("NaN", "infinity"):
        values = volume.astype(np.float32)
        values[3, 4, 5] = np.nan if kind == "NaN" else np.inf
        return write_tiff(folder / "ct.tif", values, photometric="minisblack")
    if kind.startswith("raw"):
        header = "" if kind == "raw without header" else "uint16:12,10,15"
        return write_raw(folder / "ct.raw", volume, header)
    if kind.startswith("Zarr, cut"):
        write = write_ngff05 if "shard" in kind else write_zarr
        written = str(write(folder / "ct.zarr", volume))
        chunk = max(path for path in Path(written).rglob("c/*/*/*") if path.is_file())
        chunk.write_bytes(chunk.read_bytes()[:-20])
        return written
    if kind.startswith("Zarr"):
        group = zarr.create_group(f"{folder}/ct.zarr")
        group.create_array("rgb", data=np.zeros((3, 5, 6, 7), np.uint8))
        if kind == "Zarr, broken metadata":
            (folder / "ct.zarr" / "zarr.json").write_text("{")
        return f"{folder}/ct.zarr" + ("::/rgb" if kind == "Zarr, colour" else "")
    if kind == "unknown":
        (folder / "ct.xyz").write_bytes(b"1")
        return str(folder / "ct.xyz")
    (folder / "ct.tif").write_bytes(b"" if kind == "empty file" else b"not a TIFF at all")
    return str(folder / "ct.tif")


DAMAGE = {
    "missing file": "no such file",
    "empty folder": "not a known volume container; known: .*folder of slices",
    "slice missing": "slice 4 is missing between slice_0003.tif and slice_0005.tif",
    "slice of other shape": "slice_0004.tif: 5 x 14 uint16, but slice_0000.tif is 10 x 14",
    "slice truncated": "slice_0004.tif: truncated",
    "slice RGB": "slice_0004.tif: holds RGB",
    "slice of other type": "slice_0004.tif: 10 x 14 uint8, but slice_0000.tif is 10 x 14 uint16",
    "slice empty": "slice_0004.tif: cannot be read as TIFF",
    "slice garbled": "slice_0004.tif: cannot be decoded",
    "truncated BigTIFF": "truncated",
    "truncated TIFF, compressed": "truncated",
    "truncated TIFF, plain pages": "damaged or truncated",
    "truncated OME-TIFF": "truncated",
    "truncated HDF5": "cannot be read as HDF5 .* is it damaged",
    "truncated HDF5, chunked": "cannot be read as HDF5 .* is it damaged",
    "truncated MHA": "is it truncated",
    "truncated MHA, compressed": "is it truncated",
    "truncated MHD": "is it truncated",
    "MHD without its data": "voxels cannot be read",
    "truncated NRRD": "is it truncated",
    "truncated NIfTI": "truncated: it holds 1856 bytes of 3712",
    "truncated NIfTI, gzip": "end-of-stream marker .* is it truncated",
    "truncated raw": "has 1680 bytes, but uint16:12,10,14 needs 3360",
    "RGB": "volume must be grey",
    "one page": "stack of grey planes",
    "wrong HDF5 path": r"one of: .*/entry/data/data \(12, 10, 14\) uint16",
    "no HDF5 path": "no dataset is named",
    "all zero": "every voxel is 0",
    "all zero, float": "percentiles are both 0",
    "NaN": "nan at z=3, y=4, x=5",
    "infinity": "inf at z=3, y=4, x=5",
    "raw without header": "written as ct.raw::uint16:z,y,x",
    "raw of other size": "has 3360 bytes, but uint16:12,10,15 needs 3600",
    "Zarr, not an image": "one of: ::/rgb 3 x 5 x 6 x 7",
    "Zarr, colour": "holds 3 x 5 x 6 x 7 uint8",
    "Zarr, broken metadata": "cannot be read as Zarr",
    "Zarr, cut chunk": r"planes \d+–11 cannot be read",
    "Zarr, cut shard": r"planes 0–\d+ cannot be read",
    "unknown": "not a known volume container",
    "empty file": "the file is empty",
    "nonsense": "cannot be read as TIFF",
}
