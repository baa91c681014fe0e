"""Raw volumes as NRRD, .nrrd and .nhdr."""

import logging
import math
import re
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.headed_values import HeadedValues, header_lines
from virtual_staining.readers.itk_planes import open_itk
from virtual_staining.readers.sizes import known_size, number, unit_um
from virtual_staining.readers.source import Source

log = logging.getLogger(__name__)

TYPES = {
    "i1": ("signed char", "int8", "int8_t"),
    "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"),
    "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "i8": ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"),
    "u8": ("ulonglong", "unsigned long long", "unsigned long long int", "uint64", "uint64_t"),
    "f4": ("float",),
    "f8": ("double",),
}
SPACE = ("domain", "space", "???", "none")  # kinds of axes that may be of space
ENCODINGS = ("raw", "gzip", "gz", "text", "txt", "ascii")


def open_nrrd(path: Path) -> Source:
    """Open a NRRD; without units in its header, its spacings count as millimetres.

    Raises
    ------
    InputError
        If it is damaged, truncated, or not one grey volume.
    """
    try:
        fields, header_bytes = header_lines(path, last="", separators=":")
        sizes = [int(n) for n in fields["sizes"].split()]
        kind = next((k for k, names in TYPES.items() if fields["type"].lower() in names), None)
        encoding = fields["encoding"].lower()
        skipped_bytes = int(fields.get("byte skip", fields.get("byteskip", 0)))
        skipped_lines = int(fields.get("line skip", fields.get("lineskip", 0)))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read as NRRD ({error}); is it damaged?") from error
    kinds = fields.get("kinds", "").lower().split()
    colours = [n for kind, n in zip(kinds, sizes, strict=False) if kind not in SPACE and n > 1]
    if colours:
        raise InputError(
            f"{path}: holds {colours[0]} values a voxel ({fields['kinds']}); a volume must be grey "
            "and 3D"
        )
    size_um, assumed = _size_um(fields, len(sizes), path)
    if encoding not in ENCODINGS:
        raise InputError(f"{path}: its encoding is {encoding}; save it raw or with gzip")
    beside = fields.get("data file", fields.get("datafile", ""))
    listed = beside.upper().startswith("LIST") or "%" in beside
    plain = encoding in ("raw", "gzip", "gz")
    if listed or kind is None or not plain or skipped_lines:
        return open_itk(path, size_um, assumed)
    if np.dtype(kind).itemsize > 1 and "endian" not in fields:
        raise InputError(
            f"{path}: does not say in which order the bytes of a value stand; add the line "
            "'endian: little' to its header, or 'endian: big'"
        )
    values = HeadedValues(
        path,
        path.parent / beside if beside else path,
        tuple(sizes[::-1]),
        np.dtype(kind).newbyteorder(">" if fields.get("endian", "").lower() == "big" else "<"),
        skipped_bytes if beside or skipped_bytes < 0 else header_bytes + skipped_bytes,
        encoding != "raw",
    )
    shape, axes = values.volume()
    if size_um is not None and len(size_um) == len(sizes):
        size_um = tuple(size_um[axis] for axis in axes)
    return Source(str(path), shape, values.dtype, values.reader(), size_um,
                  unit_assumed=assumed, stored_bytes=values.stored_bytes)  # fmt: skip


def _size_um(
    fields: dict[str, str], dimensions: int, path: Path
) -> tuple[tuple[float, ...] | None, bool]:
    """Return the (z, y, x) voxel size in µm, and whether millimetres were assumed.

    Only the three axes of space count: ``none`` or ``nan`` stands for the others.
    """
    units = re.findall(r'"([^"]*)"', fields.get("space units", fields.get("units", "")))
    steps = [
        math.nan if text == "none" else math.hypot(*map(number, text.strip("()").split(",")))
        for text in re.findall(r"none|\([^)]*\)", fields.get("space directions", ""))
    ] or [number(text) for text in fields.get("spacings", "").split()]
    if dimensions > 3 and len(steps) == dimensions:
        steps = [step for step in steps if not math.isnan(step)] or steps
    if len(steps) != 3:
        return None, False
    factors = {unit_um(unit) for unit in units if unit.strip()}
    if len(factors) > 1 or None in factors:
        log.warning("%s: its units %s are not one unit of length; its size counts as absent", path,
                    ", ".join(units))  # fmt: skip
        return None, False
    assumed = not factors
    if assumed and (set(steps) == {1.0} or all(map(math.isnan, steps))):
        return None, False  # what writers give when nobody said anything
    factor = factors.pop() if factors else 1000.0
    return known_size([step * factor for step in steps[::-1]], str(path)), assumed


CONTAINER = Container(
    name="NRRD",
    suffixes=(".nrrd", ".nhdr"),
    note="values in the same file or beside it, compressed or not; `space units`, else millimetres",
    open=open_nrrd,
)
