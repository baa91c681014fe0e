"""Where a registered section lies: what other stages read of ``transform.json``."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from virtual_staining import __version__
from virtual_staining.artefacts.storage.document import Document, read_document, write_document
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap

FORMAT = 1
REMEDY = "register this sample again"


def read_section_map(path: str | Path) -> tuple[SectionMap, np.ndarray]:
    """Read where a section lies from its ``transform.json``.

    Returns
    -------
    section : SectionMap
        Slide µm to volume µm.
    slide_px_to_um : ndarray, shape (2, 3)
        Pixels of the original slide, as its file stores them, to slide µm.

    Raises
    ------
    InputError
        If the file is missing or lacks either; the message names the file and the key.
    """
    document = read_document(path, FORMAT, REMEDY)
    section = document.value("slide_to_volume", dict, "an object with origin_um, u and v")
    slide_to_volume = SectionMap.from_dict(section, f"{path}: slide_to_volume")
    return slide_to_volume, affine(document, "slide_px_to_um")


def read_pair_grid(path: str | Path) -> PlaneGrid:
    """Read where the pixels of a pair lie in the volume from a ``transform.json``.

    A file of :func:`write_pair_grid` is read as well.

    Raises
    ------
    InputError
        If the file is missing, lacks a key or describes no plane; the message names file and key.
    """
    document = read_document(path, FORMAT, REMEDY)
    section = document.value("pair_to_volume", dict, "an object with origin_um, u and v")
    to_volume = SectionMap.from_dict(section, f"{path}: pair_to_volume")
    frame = np.stack([to_volume.u, to_volume.v])
    if not np.allclose(frame @ frame.T, np.eye(2), atol=1e-3):
        raise InputError(f"{path}: pair_to_volume: u and v must be orthogonal unit vectors")
    pixel_um = document.value("pair_pixel_um", (int, float), "a number")
    shape = document.value("pair_shape_px", list, "two whole numbers")
    if len(shape) != 2 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise InputError(f"{path}: pair_shape_px: {shape} must be two whole numbers; {REMEDY}")
    if not 0 < pixel_um < math.inf:
        raise InputError(f"{path}: pair_pixel_um: {pixel_um} must be positive; {REMEDY}")
    return PlaneGrid((shape[0], shape[1]), float(pixel_um), to_volume)


def read_confidence(path: str | Path) -> float:
    """Read how reliable a registration is, 0 to 1, from its ``transform.json``.

    Raises
    ------
    InputError
        If the file is missing or lacks the number.
    """
    document = read_document(path, FORMAT, REMEDY)
    return float(document.value("confidence", (int, float), "a number"))


def read_volume_id(path: str | Path) -> str:
    """Read in which volume a section lies from its ``transform.json``.

    Raises
    ------
    InputError
        If the file is missing or lacks the id.
    """
    return str(read_document(path, FORMAT, REMEDY).value("volume", str, "an id"))


def write_pair_grid(path: str | Path, grid: PlaneGrid, more: Mapping[str, object]) -> None:
    """Write where the pixels of a plane lie, with the keys of ``transform.json`` and some more."""
    place = {
        "version": __version__,
        "pair_shape_px": list(grid.shape),
        "pair_pixel_um": grid.pixel_um,
        "pair_to_volume": grid.to_volume.to_dict(),
    }
    write_document(path, FORMAT, {**place, **more})


def affine(document: Document, key: str) -> np.ndarray:
    """Read two rows of three numbers (x, y, 1), which must be invertible.

    Raises
    ------
    InputError
        If the key is missing or something else; the message names file and key.
    """
    words = "two rows of three numbers"
    rows = document.value(key, list, words)
    try:
        matrix = np.array(rows, float).reshape(2, 3)
    except (TypeError, ValueError) as error:
        raise InputError(f"{document.path}: {key}: must be {words}; {REMEDY}") from error
    if not abs(np.linalg.det(matrix[:, :2])) > 0:
        raise InputError(f"{document.path}: {key}: must be invertible; {REMEDY}")
    return matrix
