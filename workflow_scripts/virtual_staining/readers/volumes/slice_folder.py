"""Raw volumes as a folder of slices."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.files import check_file
from virtual_staining.readers.ome_files import describes_series
from virtual_staining.readers.planes import PLANE_SUFFIXES, open_plane
from virtual_staining.readers.slice_names import continues, in_order, is_series
from virtual_staining.readers.source import Source
from virtual_staining.readers.tiff_metadata import TIFF_SUFFIXES, opened_tiff, slice_size_um
from virtual_staining.readers.volumes.tiff_stack import open_file as open_tiff_stack

READERS = 4


def is_slice_folder(path: Path) -> bool:
    """Say whether a path is a folder with files of slices."""
    return path.is_dir() and any(_by_format(path))


def _by_format(folder: Path) -> dict[str, list[Path]]:
    """Group the files of a folder that may be slices by their format; hidden files are none."""
    formats: dict[str, list[Path]] = {}
    for path in folder.iterdir():
        suffix = path.suffix.lower()
        if suffix in PLANE_SUFFIXES and not path.name.startswith("."):
            formats.setdefault(".tif" if suffix in TIFF_SUFFIXES else suffix, []).append(path)
    return formats


def _slices(folder: Path) -> list[Path]:
    """Return the slices of a folder: its TIFF files or, without such a series, those of another.

    Previews and snapshots in another format may lie beside the slices.

    Raises
    ------
    InputError
        If files of another format may be slices too.
    """
    formats = _by_format(folder)
    by_size = sorted(formats, key=lambda suffix: (suffix != ".tif", -len(formats[suffix])))
    chosen = next((suffix for suffix in by_size if is_series(formats[suffix])), by_size[0])
    for suffix in by_size:
        files, others = formats[chosen], formats[suffix]
        if suffix == chosen or not (is_series(others) or continues(files, others)):
            continue
        if len(others) > len(files) or continues(files, others):
            raise InputError(
                f"{folder}: holds {len(files)} slices as {min(files).name} and {len(others)} as "
                f"{min(others).name}; move those that are no slices of this volume out of the "
                "folder"
            )
    return formats[chosen]


def open_folder(folder: Path) -> Source:
    """Open a folder of single-page slices, in the order of the number in their names.

    The files of one OME-TIFF are read in the order and with the size that their metadata say.

    Only headers are read here; every slice's is, so that damage shows before the work begins.

    Raises
    ------
    InputError
        If the names are not those of one series, a number is missing from it, or a slice is
        damaged, not grey, or unlike the first.
    """
    files = sorted(_slices(folder))
    for path in files:
        check_file(path)
    if files[0].suffix.lower() in TIFF_SUFFIXES and describes_series(
        files[0], {path.name for path in files}
    ):
        return replace(open_tiff_stack(files[0]), name=str(folder))  # in the metadata's order
    files = in_order(folder, files)
    with ThreadPoolExecutor(READERS) as pool:
        slices = list(pool.map(open_plane, files))
    first = slices[0]
    for other in slices:
        if (other.shape, other.dtype) != (first.shape, first.dtype):
            raise InputError(
                f"{other.path}: {other.kind}, but {first.path.name} is {first.kind}; all "
                "slices of a volume must be alike"
            )
    pool = ThreadPoolExecutor(READERS)

    def read(z0: int, z1: int) -> np.ndarray:
        return np.stack(list(pool.map(lambda plane: plane.read(), slices[z0:z1])))

    shape = (len(slices), *first.shape)
    stored = sum(path.stat().st_size for path in files)
    size_um = _size_um(files[0])
    return Source(str(folder), shape, first.dtype, read, size_um, stored_bytes=stored)


def _size_um(path: Path) -> tuple[float, ...] | None:
    """Return the (z, y, x) voxel size that a slice gives, µm; of pictures, dpi are not believed."""
    if path.suffix.lower() not in TIFF_SUFFIXES:
        return None
    with opened_tiff(path) as tif:
        return slice_size_um(tif)


CONTAINER = Container(
    name="folder of slices",
    suffixes=PLANE_SUFFIXES,
    note="TIFF, PNG, BMP, JPEG 2000 or JPEG, one grey image a file, in the order of the numbers in "
    "the names; compressed or not, either byte order; tried on real trabecular bone",
    open=open_folder,
    recognizes=is_slice_folder,
)
