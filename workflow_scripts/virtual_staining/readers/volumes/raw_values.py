"""Raw volumes without a header of their own: the sheet's volume column carries it.

``scan.raw::uint16:2000,1800,1600`` is (z, y, x) little-endian values from the first byte;
``:big`` is added for big-endian ones, ``:skip=512`` for bytes to leave out at the beginning.
"""

import math
import re
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.source import Source, read_values

SUFFIXES = (".raw", ".vol", ".bin", ".img", ".dat")
HEADER_SUFFIXES = (".vgi", ".mhd", ".nhdr", ".hdr")
HEADER = re.compile(
    r"(u?int(?:8|16|32|64)|float(?:16|32|64)):(\d{1,18}),(\d{1,18}),(\d{1,18})(:big)?(?::skip=(\d{1,18}))?"
)


def open_raw(path: Path, header: str) -> Source:
    """Open a file of bare values.

    Parameters
    ----------
    path : Path
        The file.
    header : str
        ``type:z,y,x[:big][:skip=bytes]``.

    Raises
    ------
    InputError
        If the header is missing or not of that form, or the file's size is not what it says.
    """
    found = HEADER.fullmatch(header)
    if not found:
        beside = [path.with_suffix(end).name for end in HEADER_SUFFIXES]
        there = [name for name in beside if (path.parent / name).is_file()]
        raise InputError(
            f"{path}: {header or 'no header'!r}: a raw volume is written as "
            f"{path.name}::uint16:z,y,x with its type and numbers of voxels, and :big or "
            f":skip=bytes where they apply{f'; or name {there[0]}, its header' if there else ''}"
        )
    shape = tuple(int(n) for n in found.group(2, 3, 4))
    dtype = np.dtype(found[1]).newbyteorder(">" if found[5] else "<")
    skip = int(found[6] or 0)
    size, wanted = path.stat().st_size, skip + dtype.itemsize * math.prod(shape)
    if size != wanted or not all(shape):
        raise InputError(
            f"{path}: has {size} bytes, but {header} needs {wanted}; correct the header in the "
            "sheet, or copy the file again"
        )
    plane = shape[1] * shape[2]

    def read(z0: int, z1: int) -> np.ndarray:
        offset = skip + z0 * plane * dtype.itemsize
        return read_values(path, dtype, (z1 - z0) * plane, offset).reshape(z1 - z0, *shape[1:])

    return Source(f"{path}::{header}", shape, dtype.newbyteorder("="), read)


CONTAINER = Container(
    name="bare values",
    suffixes=SUFFIXES,
    note="integers of 8 to 64 bits and floats; `:big` for big-endian ones, `:skip=512` for bytes "
    "to leave out at the beginning",
    open=open_raw,
    inside="uint16:z,y,x",
)
