"""Pixel and voxel sizes in files' metadata: units, and when a size counts as given."""

import logging
import math
from collections.abc import Iterable

log = logging.getLogger(__name__)

UNIT_UM = {"m": 1e6, "dm": 1e5, "cm": 1e4, "mm": 1e3, "µm": 1.0, "nm": 1e-3, "Å": 1e-4, "pm": 1e-6,
           "in": 25400.0}  # fmt: skip
UNIT_NAMES = {
    "um": "µm", "μm": "µm", "micron": "µm", "mu": "µm", "µ": "µm", "u": "µm",
    "inch": "in", "inche": "in", "\"": "in", "angstrom": "Å", "ångström": "Å",
    "met": "m", "millimet": "mm", "centimet": "cm", "decimet": "dm", "micromet": "µm",
    "nanomet": "nm", "picomet": "pm", "mm^3": "mm", "um^3": "µm",
}  # fmt: skip


def unit_um(unit: object) -> float | None:
    """Return the length of a unit in µm, None for what is no unit of length.

    Parameters
    ----------
    unit : object
        The unit as a file spells it: ``µm`` with either character, ``um``, ``microns``,
        ``micrometre``, ``\\u00B5m`` as ImageJ writes it, ``MILLIMETER``, bytes, None.
    """
    if isinstance(unit, bytes):
        unit = unit.decode("utf-8", "replace")
    text = str(unit or "").strip().strip("\0").replace("\\u00B5", "µ").replace("\\u00b5", "µ")
    for spelled in (text, text.lower()):
        if spelled in UNIT_UM:
            return UNIT_UM[spelled]
    stem = text.lower()
    for end in ("s", "er", "re"):
        stem = stem.removesuffix(end)
    found = UNIT_NAMES.get(text.lower()) or UNIT_NAMES.get(stem)
    return UNIT_UM[found] if found else None


def number(text: object) -> float:
    """Return a number as files spell it, with a decimal point or comma; NaN for what is none."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    try:
        return float(str(text).strip().replace(",", "."))
    except ValueError:
        return math.nan


def known_size(sizes_um: Iterable[float | None], name: str) -> tuple[float, ...] | None:
    """Return a size from a file's metadata, None where one of its numbers is no size.

    A length of 0, below 0, NaN or infinity is what programs write when they know nothing; the log
    then says what the file holds. An axis of which the file says nothing has the size NaN.

    Parameters
    ----------
    sizes_um : iterable of float or None
        Size along each axis, µm; None where the file gives none.
    name : str
        The file, for the log.
    """
    sizes = tuple(sizes_um)
    given = [size for size in sizes if size is not None]
    if not given:
        return None
    if all(math.isfinite(size) and size > 0 for size in given):
        return tuple(math.nan if size is None else float(size) for size in sizes)
    text = ",".join("?" if size is None else f"{size:g}" for size in sizes)
    log.warning("%s: its metadata gives a size of %s µm, which is none; it counts as absent", name,
                text)  # fmt: skip
    return None


def um_text(sizes_um: Iterable[float]) -> str:
    """Return the numbers of a size with commas between; ``?`` for NaN, an axis of unknown size."""
    return ",".join("?" if math.isnan(size) else f"{size:g}" for size in sizes_um)
