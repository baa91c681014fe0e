"""Raw volumes as NIfTI-1 and NIfTI-2, .nii and .nii.gz, and pairs of .hdr and .img (Analyze)."""

import gzip
import math
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.axes import plane_reader, spatial_axes
from virtual_staining.readers.bounds import check_held
from virtual_staining.readers.container import Container
from virtual_staining.readers.files import check_file
from virtual_staining.readers.sizes import known_size
from virtual_staining.readers.source import READ_ERRORS, Source

FACTORS_UM = {"meter": 1e6, "mm": 1e3, "micron": 1.0}


def open_nifti(path: Path) -> Source:
    """Open a NIfTI; slope and intercept of its header are applied, its orientation is not.

    Raises
    ------
    InputError
        If it is damaged, truncated, or not one grey volume.
    """
    import nibabel  # takes longer than opening most files of other formats

    errors = (
        *READ_ERRORS,
        nibabel.filebasedimages.ImageFileError,
        nibabel.spatialimages.HeaderDataError,
    )
    try:
        image = nibabel.load(path, keep_file_open=True)
        header = image.header
        stored = header.get_data_dtype()
        scaled = (image.dataobj.slope, image.dataobj.inter) != (1.0, 0.0)
        shape = image.shape[::-1]  # NIfTI names the fastest axis first
        with nibabel.openers.ImageOpener(path) as file:  # nibabel corrects sizes that are none
            stored_sizes = type(header).from_fileobj(file, check=False)["pixdim"][1:]
        values = Path(image.file_map["image"].filename)  # of a pair the .img
        if not values.exists():
            raise InputError(f"{path}: its values lie in {values.name}, which is missing beside it")
        check_file(values)
        check_held(str(path), shape, stored.itemsize, values.stat().st_size)
        _check_length(values, image.dataobj.offset, stored.itemsize * math.prod(map(int, shape)))
    except errors as error:
        raise InputError(f"{path}: cannot be read ({error}); is it truncated?") from error
    axes = spatial_axes(shape)
    if axes is None or stored.kind not in "uif":
        held = " x ".join(map(str, shape))
        raise InputError(f"{path}: holds {held} {stored} values; a volume must be grey and 3D")
    dtype = np.dtype("f4" if stored.itemsize <= 2 else "f8") if scaled else stored
    planes = plane_reader(_Reversed(image.dataobj), axes)

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            return planes(z0, z1).astype(dtype, copy=False)
        except errors as error:
            raise InputError(f"{path}: planes {z0}–{z1 - 1} cannot be read ({error})") from error

    steps = [float(stored_sizes[len(shape) - 1 - axis]) for axis in axes]
    # Analyze, the elder format, has no units
    unit = header.get_xyzt_units()[0] if hasattr(header, "get_xyzt_units") else "unknown"
    size_um, assumed = _size_um(steps, unit, path)
    lengths = tuple(shape[axis] for axis in axes)
    return Source(str(path), lengths, dtype, read, size_um, unit_assumed=assumed,
                  stored_bytes=values.stat().st_size)  # fmt: skip


class _Reversed:
    """An array of nibabel with its axes in the order of NumPy, the slowest first."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape[::-1]

    def __getitem__(self, index: tuple) -> np.ndarray:
        return np.asanyarray(self.array[index[::-1]]).T


def _size_um(steps: list[float], unit: str, path: Path) -> tuple[tuple[float, ...] | None, bool]:
    """Return the (z, y, x) voxel size in µm, and whether millimetres were assumed."""
    factor = FACTORS_UM.get(unit)
    if factor is None and set(steps) == {1.0}:
        return None, False  # what writers give when nobody said anything
    sizes = known_size([step * (factor or 1000.0) for step in steps], str(path))
    return sizes, factor is None


def _check_length(path: Path, offset: int, voxel_bytes: int) -> None:
    """Refuse a file that ends before its last voxel."""
    if path.suffix.lower() == ".gz":
        size = 0
        with gzip.open(path) as file:
            while size < offset + voxel_bytes and (part := file.read(2**24)):
                size += len(part)
    else:
        size = path.stat().st_size
    if size < offset + voxel_bytes:
        raise InputError(
            f"{path}: truncated: it holds {size} bytes of {offset + voxel_bytes}; copy it again"
        )


CONTAINER = Container(
    name="NIfTI and Analyze",
    suffixes=(".nii", ".nii.gz", ".hdr"),
    note="NIfTI-1 and 2, compressed or not; the header of a pair with .img, also Analyze's; slope "
    "and intercept are applied; without a unit in the header its spacings count as millimetres",
    open=open_nifti,
)
