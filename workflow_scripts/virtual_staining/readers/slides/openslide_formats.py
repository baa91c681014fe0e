"""Slides of the microscope makers whose formats OpenSlide reads."""

from pathlib import Path

import numpy as np
import openslide

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.sizes import known_size, number
from virtual_staining.readers.source import READ_ERRORS, RawSlide, row_reader

SUFFIXES = (
    ".svs", ".ndpi", ".scn", ".bif", ".mrxs", ".vms", ".vmu", ".svslide", ".dcm", ".zvi",
)  # fmt: skip
IN_MANY_FILES = (".mrxs", ".vms", ".vmu", ".dcm")
ERRORS = (*READ_ERRORS, openslide.OpenSlideError)


def is_openslide(path: Path) -> bool:
    """Say whether the file is a microscope's and not a plain TIFF of the same suffix."""
    if path.suffix.lower() not in SUFFIXES:
        return False
    try:
        return openslide.OpenSlide.detect_format(path) not in (None, "generic-tiff")
    except ERRORS:
        return True  # opening the file says what is wrong


def open_openslide(path: Path) -> RawSlide:
    """Open with OpenSlide, at the finest level.

    Pixels are RGBA: what the scanner left out is transparent.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        slide = openslide.OpenSlide(path)
        width, height = slide.dimensions
        sizes = [slide.properties.get(f"openslide.mpp-{axis}") for axis in "yx"]
        tile = int(slide.properties.get("openslide.level[0].tile-height", 256))
    except ERRORS as error:
        raise InputError(f"{path}: cannot be opened ({error}); is it damaged?") from error

    def pixels(y0: int, y1: int) -> np.ndarray:
        return np.asarray(slide.read_region((0, y0), 0, (width, y1 - y0)))

    size_um = known_size([number(text) if text else None for text in sizes], str(path))
    read = row_reader(path, pixels, ERRORS)
    stored = -1 if path.suffix.lower() in IN_MANY_FILES else path.stat().st_size
    return RawSlide(str(path), (height, width, 4), np.dtype("u1"), read, size_um, tile,
                    stored_bytes=stored)  # fmt: skip


CONTAINER = Container(
    name="microscope formats of OpenSlide",
    suffixes=SUFFIXES,
    note="Aperio, Hamamatsu, Leica, 3DHistech, Ventana, Trestle, DICOM and older Zeiss slides, at "
    "their finest level; tried on a real Aperio SVS, the others on refusals alone",
    open=open_openslide,
    recognizes=is_openslide,
)
