"""Small file helpers: nothing half-written, nothing lost."""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.errors import InputError


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file or folder under a temporary name and rename it when the block succeeds.

    Parameters
    ----------
    path : path
        The final name. Its parent folders are made.

    Yields
    ------
    Path
        A sibling name with the same suffixes; removed if the block raises.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)
        os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def write_json(path: str | Path, value: object) -> None:
    """Write a value as indented JSON, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> dict:
    """Read a JSON file.

    Raises
    ------
    InputError
        If the file is missing or not JSON; the message names it.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from error


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
