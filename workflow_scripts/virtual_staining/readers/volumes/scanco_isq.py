"""Raw volumes of Scanco scanners, .isq: 16-bit values behind a header of 512-byte blocks."""

import struct
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.headed_values import HeadedValues
from virtual_staining.readers.sizes import known_size
from virtual_staining.readers.source import Source

SUFFIX = ".isq"
MAGIC = b"CTDATA-HEADER_V1"
BLOCK_BYTES = 512
VOXELS_AT, LENGTHS_AT, OFFSET_AT = 44, 56, 508  # three numbers x, y, z each; one number


def is_scanco(path: Path, suffix: str) -> bool:
    """Say whether a file's name ends in a suffix, as it is or with VMS's number of a version.

    Parameters
    ----------
    path : Path
        An existing path.
    suffix : str
        In lower case with its dot.
    """
    name, _, version = path.name.lower().partition(";")
    return path.is_file() and name.endswith(suffix) and (not version or version.isdigit())


def open_isq(path: Path) -> Source:
    """Open a Scanco ISQ file; its values are the scanner's, not scaled to attenuation.

    The header holds the numbers of voxels and the edges of the volume in µm, both x, y, z, and the
    number of further blocks before the values (little-endian, signed 16 bits).

    Raises
    ------
    InputError
        If it is damaged or truncated.
    """
    with path.open("rb") as file:
        header = file.read(BLOCK_BYTES)
    if len(header) < BLOCK_BYTES or not header.startswith(MAGIC):
        raise InputError(f"{path}: does not begin as a Scanco ISQ file; is it damaged?")
    voxels = struct.unpack_from("<3i", header, VOXELS_AT)[::-1]
    lengths_um = struct.unpack_from("<3i", header, LENGTHS_AT)[::-1]
    (blocks,) = struct.unpack_from("<i", header, OFFSET_AT)
    if min(voxels) < 1 or blocks < 0:
        held = " x ".join(map(str, voxels))
        raise InputError(
            f"{path}: its header says {held} voxels behind {blocks} blocks; is it damaged?"
        )
    values = HeadedValues(
        path, path, voxels, np.dtype("<i2"), (blocks + 1) * BLOCK_BYTES, deflated=False
    )
    sizes = [length / n for length, n in zip(lengths_um, voxels, strict=True)]
    return Source(str(path), voxels, values.dtype, values.reader(), known_size(sizes, str(path)))


CONTAINER = Container(
    name="Scanco ISQ",
    suffixes=(SUFFIX,),
    note="also named as `C0001234.ISQ;1`; the scanner's own values; read from the format's "
    "description, not yet tried on a real file",
    open=open_isq,
    recognizes=lambda path: is_scanco(path, SUFFIX),
)
