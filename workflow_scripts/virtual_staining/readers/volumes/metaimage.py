"""Raw volumes as MetaImage, .mha and .mhd."""

from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.headed_values import HeadedValues, header_lines
from virtual_staining.readers.itk_planes import open_itk
from virtual_staining.readers.sizes import known_size, number, unit_um
from virtual_staining.readers.source import Source

TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip


def open_metaimage(path: Path) -> Source:
    """Open a MetaImage. Its spacings are millimetres by convention; few files name a unit.

    Raises
    ------
    InputError
        If it is damaged, truncated, or not one grey volume.
    """
    try:
        fields, header_bytes = header_lines(path, last="ElementDataFile")
        sizes = [int(n) for n in fields["dimsize"].split()]
        data_file = fields["elementdatafile"]
        if not data_file or not sizes:
            raise ValueError("its header names no file of values, or no size")
        channels = int(fields.get("elementnumberofchannels", 1))
        head = int(fields.get("headersize", 0))
        kind = fields["elementtype"].upper()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: cannot be read as MetaImage ({error}); is it damaged?"
        ) from error
    if channels != 1:
        raise InputError(f"{path}: holds {channels} values a voxel; a volume must be grey and 3D")
    text = fields.get("elementspacing", fields.get("elementsize", ""))
    spacings = [number(part) for part in text.split()]
    unit = unit_um(fields.get("distanceunits"))
    size_um = _size_um(spacings, sizes, unit, path)
    listed = data_file.split()[0].upper() == "LIST" or "%" in data_file
    if listed or kind not in TYPES or not _is(fields, "binarydata", True):
        return open_itk(path, size_um, unit is None)
    local = data_file.upper() == "LOCAL"
    big = _is(fields, "binarydatabyteordermsb") or _is(fields, "elementbyteordermsb")
    values = HeadedValues(
        path,
        path if local else path.parent / data_file,
        tuple(sizes[::-1]),
        np.dtype(TYPES[kind]).newbyteorder(">" if big else "<"),
        header_bytes if local else head,
        _is(fields, "compresseddata"),
    )
    shape, _ = values.volume()
    read = values.reader()
    return Source(str(path), shape, values.dtype, read, size_um,
                  unit_assumed=unit is None, stored_bytes=values.stored_bytes)  # fmt: skip


def _is(fields: dict[str, str], key: str, default: bool = False) -> bool:
    return fields.get(key, str(default)).lower() in ("true", "1", "yes")


def _size_um(
    spacings: list[float], sizes: list[int], unit: float | None, path: Path
) -> tuple[float, ...] | None:
    """Return the (z, y, x) voxel size, µm, of spacings in the order x, y, z.

    1 on every axis is what writers give when nobody said anything. Without a unit (its length in
    µm), millimetres count.
    """
    if len(spacings) < 3 or len(spacings) != len(sizes):
        return None
    if unit is None and set(spacings[:3]) == {1.0}:
        return None
    return known_size([(unit or 1000.0) * spacing for spacing in spacings[2::-1]], str(path))


CONTAINER = Container(
    name="MetaImage",
    suffixes=(".mha", ".mhd"),
    note="values in the same file or beside it, compressed or not; spacings count as millimetres; "
    "tried on a real head CT",
    open=open_metaimage,
)
