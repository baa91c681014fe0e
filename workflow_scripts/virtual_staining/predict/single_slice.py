"""A single CT slice as a volume: as many equal slices as the section is thick."""

from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.artefacts.storage.ome import ome_metadata
from virtual_staining.errors import InputError
from virtual_staining.readers.aligned import open_aligned
from virtual_staining.readers.planes import PLANE_SUFFIXES
from virtual_staining.readers.tiff_metadata import TIFF_SUFFIXES


def is_single_slice(path: Path) -> bool:
    """Tell whether a file holds one plane; only the headers are read."""
    if not path.is_file():
        return False
    if path.suffix.lower() in TIFF_SUFFIXES:
        try:
            with tifffile.TiffFile(path) as held:
                return len(held.series[0].shape) == 2
        except (tifffile.TiffFileError, IndexError, OSError):
            return False  # the reader of volumes says what is wrong
    return path.suffix.lower() in PLANE_SUFFIXES


def write_stack(path: Path, planes: int, out: Path) -> None:
    """Write a slice several times, as an OME-TIFF stack of the pixel size that its file states.

    Parameters
    ----------
    path : Path
        Grey image (y, x).
    planes : int
        How often.
    out : Path
        OME-TIFF to write.

    Raises
    ------
    InputError
        If the image is not grey, is the same everywhere or cannot be read.
    """
    image = open_aligned(path)
    sizes_um: dict[str, float] = {}
    if image.size_um is not None and np.isfinite(image.size_um).all():
        y_um, x_um = image.size_um
        sizes_um = {"Z": (y_um + x_um) / 2, "Y": y_um, "X": x_um}
    plane = image.plane.read()
    if plane.size and (plane == plane.flat[0]).all():
        raise InputError(f"{path}: every pixel is {plane.flat[0]}; the file holds no image")
    stack = np.repeat(plane[None], planes, axis=0)
    metadata = ome_metadata("ZYX", sizes_um, stack)
    tifffile.imwrite(out, stack, ome=True, photometric="minisblack", metadata=metadata)
