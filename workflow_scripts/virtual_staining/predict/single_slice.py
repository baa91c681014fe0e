"""A single CT slice as a volume: as many equal slices as the section is thick."""

from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError

from virtual_staining.errors import InputError

FLAT = {".png", ".bmp", ".jpg", ".jpeg"}
TIFF = {".tif", ".tiff"}


def is_single_slice(path: Path) -> bool:
    """Tell whether a file holds one plane; only the headers are read."""
    if not path.is_file():
        return False
    if path.suffix.lower() in TIFF:
        try:
            with tifffile.TiffFile(path) as held:
                return len(held.series[0].shape) == 2
        except (tifffile.TiffFileError, IndexError, OSError):
            return False  # the reader of volumes says what is wrong
    return path.suffix.lower() in FLAT


def write_stack(path: Path, planes: int, out: Path) -> None:
    """Write a slice several times, as a TIFF stack.

    Parameters
    ----------
    path : Path
        Grey image (y, x).
    planes : int
        How often.
    out : Path
        TIFF to write.

    Raises
    ------
    InputError
        If the image is not grey or cannot be read.
    """
    try:
        plane = (
            tifffile.imread(path) if path.suffix.lower() in TIFF else np.asarray(Image.open(path))
        )
    except (OSError, ValueError, UnidentifiedImageError, tifffile.TiffFileError) as error:
        raise InputError(f"{path}: cannot be read as an image ({error})") from error
    if plane.ndim != 2:
        raise InputError(
            f"{path}: shape {plane.shape} is no grey CT slice (y, x); export the slice as grey"
        )
    tifffile.imwrite(out, np.repeat(plane[None], planes, axis=0), photometric="minisblack")
