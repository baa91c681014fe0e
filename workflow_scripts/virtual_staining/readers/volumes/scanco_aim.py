"""Raw volumes of Scanco's evaluation program, .aim, read through AimIO."""

import math
import struct
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.headed_values import HeadedValues
from virtual_staining.readers.sizes import known_size
from virtual_staining.readers.source import READ_ERRORS, Source
from virtual_staining.readers.volumes.scanco_isq import is_scanco

SUFFIX = ".aim"
VERSION_3 = b"AIMDATA_V030   \0"
PLAIN_SHORT = 131074  # the type of 16-bit values without compression
TYPES = {1: np.dtype("i1"), 2: np.dtype("i2"), 3: np.dtype("f4")}  # of AimIO's buffers


def open_aim(path: Path) -> Source:
    """Open a Scanco AIM file, of version 2 or 3; its values are not scaled to attenuation.

    Values of 16 bits are read in parts; other types are decoded whole.

    Raises
    ------
    InputError
        If AimIO is not installed, or the file is damaged or truncated.
    """
    try:
        import py_aimio
    except ImportError as error:
        raise InputError(
            f"{path}: Scanco AIM needs the package aimio-py; run `pip install aimio-py`, or export "
            "the volume as DICOM or TIFF"
        ) from error
    _check_lengths(path)
    try:
        info = py_aimio.aim_info(str(path))
        shape = tuple(int(n) for n in info["dimensions"][::-1])
        dtype = TYPES[info["buffer_type"]]
        size_um = known_size([1000.0 * s for s in info["element_size"][::-1]], str(path))
        offset = int(info["byte_offset"])
    except (*READ_ERRORS, TypeError, MemoryError) as error:
        raise InputError(
            f"{path}: cannot be read as Scanco AIM ({error}); is it damaged?"
        ) from error
    if info["aim_type"] == PLAIN_SHORT:
        values = HeadedValues(path, path, shape, np.dtype("<i2"), offset, deflated=False)
        return Source(str(path), shape, dtype, values.reader(), size_um)
    whole: list[np.ndarray] = []

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            if not whole:
                whole.append(py_aimio.read_aim(str(path))[0])
        except (*READ_ERRORS, MemoryError) as error:
            raise InputError(
                f"{path}: AimIO cannot decode it ({error}); is it truncated? If not, export the "
                "volume as 16-bit AIM, DICOM or TIFF"
            ) from error
        return whole[0][z0:z1]

    at_once = math.prod(shape) * dtype.itemsize
    return Source(str(path), shape, dtype, read, size_um, at_once_bytes=at_once)


def _check_lengths(path: Path) -> None:
    """Refuse a file whose parts, by the lengths at its beginning, are larger than the file.

    AimIO believes the lengths and asks for the memory. Version 3 begins with its name and lengths
    of 8 bytes, version 2 with lengths of 4 bytes: of these numbers themselves, the header, the log
    and the values.
    """
    with path.open("rb") as file:
        begin = file.read(len(VERSION_3) + 4 * 8)
    new = begin.startswith(VERSION_3)
    form, at = ("<4q", len(VERSION_3)) if new else ("<4i", 0)
    try:
        lengths = struct.unpack_from(form, begin, at)
    except struct.error as error:
        raise InputError(f"{path}: cannot be read as Scanco AIM; is it truncated?") from error
    if min(lengths) < 0 or at + sum(lengths) > path.stat().st_size:
        raise InputError(
            f"{path}: has {path.stat().st_size} bytes, but its parts are {list(lengths)} long; is "
            "it truncated?"
        )


CONTAINER = Container(
    name="Scanco AIM",
    suffixes=(SUFFIX,),
    note="with the package aimio-py (`pip install virtual-staining[scanco]`); 16-bit values in "
    "parts, other types decoded whole",
    open=open_aim,
    recognizes=lambda path: is_scanco(path, SUFFIX),
)
