"""Raw volumes of VGStudio and the CT scanners that write for it: .vgi beside .vol or .raw."""

import codecs
import configparser
from collections.abc import Callable
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.files import read_bytes
from virtual_staining.readers.headed_values import HeadedValues
from virtual_staining.readers.sizes import known_size, number, unit_um
from virtual_staining.readers.source import Source

UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
KINDS = {"unsigned integer": "u", "signed integer": "i", "integer": "i", "float": "f"}


def open_vgi(path: Path) -> Source:
    """Open the volume that a .vgi file describes.

    Raises
    ------
    InputError
        If the description is damaged, or its values are missing, in several files, compressed or
        mirrored in a way that is not known.
    """
    sections = _sections(path)
    named = [s for s in sections if s.get("name", "").strip('"') and "size" in s]
    stored = named[0] if named else None
    if stored is None or len(named) > 1:
        held = "names no file of values" if stored is None else "names several files of values"
        raise InputError(f"{path}: {held}; export the volume as one .vol or a folder of slices")
    try:
        sizes = tuple(int(n) for n in stored["size"].split())[::-1]
        size, rest = divmod(int(stored["bitsperelement"]), 8)
        if rest:
            raise ValueError(f"{8 * size + rest} bits a value")
        dtype = np.dtype(f"<{KINDS[stored['datatype'].lower()]}{size}")
        skipped = int(stored.get("skipheader", stored.get("headersize", 0)))
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as VGI ({error}); is it damaged?") from error
    if stored.get("fileformat", "raw").lower() != "raw":
        raise InputError(f"{path}: its values are {stored['fileformat']}, not raw; export them raw")
    name = stored["name"].strip('"').replace("\\", "/")
    values_file = path.parent / Path(name).name
    values = HeadedValues(path, values_file, sizes, dtype, skipped, deflated=False)
    shape, _ = values.volume()
    read = _mirrored(values.reader(), shape[0], _mirror(path, sections, stored))
    return Source(str(path), shape, dtype, read, _size_um(sections, path),
                  stored_bytes=values.stored_bytes)  # fmt: skip


def _sections(path: Path) -> list[dict[str, str]]:
    """Return the sections of a .vgi file; names in braces, which stand above some, are left out."""
    data = read_bytes(path)
    try:
        text = data.decode("utf-16" if data.startswith(UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines, count = [], 0
    for line in text.splitlines():
        if line.strip().startswith("[") and line.strip().endswith("]"):
            count += 1
            lines.append(f"[{count}]")  # the same names occur more than once
        elif not line.strip().startswith("{"):
            lines.append(line)
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",))
    try:
        parser.read_string("\n".join(["[0]", *lines]))
    except (configparser.Error, AttributeError) as error:
        raise InputError(f"{path}: cannot be read as VGI ({error}); is it damaged?") from error
    return [{k: v or "" for k, v in parser.items(name)} for name in parser.sections()]


def _mirror(
    path: Path, sections: list[dict[str, str]], stored: dict[str, str]
) -> tuple[bool, bool, bool]:
    """Return along which of the axes z, y and x the stored values are to be mirrored.

    The section of the file says so with three numbers x, y, z. The four numbers that VGStudio
    itself writes in another section are zeros in every description that was seen; what others mean
    is not known.
    """
    for section in sections:
        flags = [number(text) for text in section.get("mirror", "").split()]
        known = len(flags) == 3 and set(flags) <= {0.0, 1.0} and section is stored
        if any(flags) and not known:
            raise InputError(
                f"{path}: says mirror = {section['mirror']}, which is not known; export the volume "
                "as it is to be read"
            )
    x, y, z = [number(text) == 1 for text in stored.get("mirror", "0 0 0").split()[:3]]
    return z, y, x


def _mirrored(
    read: Callable[[int, int], np.ndarray], depth: int, mirror: tuple[bool, bool, bool]
) -> Callable[[int, int], np.ndarray]:
    """Return ``read`` of ``depth`` planes with some of the axes (z, y, x) mirrored."""
    z_step, y_step, x_step = (-1 if axis else 1 for axis in mirror)

    def turned(z0: int, z1: int) -> np.ndarray:
        planes = (z0, z1) if z_step == 1 else (depth - z1, depth - z0)
        return read(*planes)[::z_step, ::y_step, ::x_step]

    return turned


def _size_um(sections: list[dict[str, str]], path: Path) -> tuple[float, ...] | None:
    """Return the (z, y, x) voxel size; the file names its unit."""
    for section in sections:
        sizes = [number(text) for text in section.get("resolution", "").split()][::-1]
        unit = unit_um(section.get("unit"))
        if len(sizes) == 3 and unit is not None:
            return known_size([size * unit for size in sizes], str(path))
    return None


CONTAINER = Container(
    name="VGStudio",
    suffixes=(".vgi",),
    note="one raw file beside it, mirrored where its description says so",
    open=open_vgi,
)
