"""Single images between the stages: TIFF files that carry their pixel size."""

from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.ome import ome_metadata
from virtual_staining.errors import InputError


def write_image(path: str | Path, image: np.ndarray, pixel_size_um: float) -> None:
    """Write one 2D image (y, x) or (y, x, 3) as deflated TIFF with its pixel size, atomically.

    Parameters
    ----------
    path : path
        Ends in ``.tif``.
    image : ndarray
        uint8, uint16 or float32.
    pixel_size_um : float
        Pixel size, stored as TIFF resolution in pixels per centimetre.
    """
    with replacing(path) as temporary:
        tifffile.imwrite(
            temporary,
            image,
            photometric="rgb" if image.ndim == 3 else "minisblack",
            compression="zlib",
            predictor=image.dtype.kind != "f",
            resolution=(1e4 / pixel_size_um, 1e4 / pixel_size_um),
            resolutionunit="CENTIMETER",
        )


def write_ome_image(path: str | Path, image: np.ndarray, pixel_size_um: float) -> None:
    """Write one 2D image (y, x) or (y, x, 3) as deflated OME-TIFF in µm, atomically.

    Parameters are those of :func:`write_image`; ``path`` ends in ``.ome.tif``.
    """
    axes = "YXS" if image.ndim == 3 else "YX"
    with replacing(path) as temporary:
        tifffile.imwrite(
            temporary,
            image,
            ome=True,
            photometric="rgb" if image.ndim == 3 else "minisblack",
            compression="zlib",
            predictor=True,
            resolution=(1e4 / pixel_size_um, 1e4 / pixel_size_um),
            resolutionunit="CENTIMETER",
            metadata=ome_metadata(axes, dict.fromkeys("XY", pixel_size_um), image),
        )


def read_image(path: str | Path) -> np.ndarray:
    """Read one 2D image written by :func:`write_image`.

    Raises
    ------
    InputError
        If the file is missing or cannot be decoded; the message names it.
    """
    try:
        return tifffile.imread(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (tifffile.TiffFileError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}: cannot be read as TIFF ({error})") from error


def pixel_size_um(path: str | Path) -> float:
    """Return the pixel size stored in a TIFF, µm.

    Raises
    ------
    InputError
        If the file is missing or holds no resolution in centimetres.
    """
    try:
        with tifffile.TiffFile(path) as tiff:
            tags = tiff.pages.first.tags
            if tags["ResolutionUnit"].value != tifffile.RESUNIT.CENTIMETER:
                raise KeyError("ResolutionUnit")
            pixels, centimetres = tags["XResolution"].value
            return 1e4 * centimetres / pixels
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (KeyError, ZeroDivisionError, tifffile.TiffFileError) as error:
        raise InputError(f"{path}: no pixel size in centimetres stored") from error
