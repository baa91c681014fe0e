"""Pixel and voxel sizes: from the sheet, from the file's metadata, never guessed."""

import re
from xml.etree import ElementTree

import numpy as np
import tifffile

from virtual_staining.errors import InputError

TOLERANCE = 0.01  # sheet and metadata may differ by rounding, not by more
UNIT_UM = {"m": 1e6, "cm": 1e4, "mm": 1e3, "µm": 1.0, "um": 1.0, "micron": 1.0, "nm": 1e-3}


def parse_size(text: str, n: int, field: str) -> tuple[float, ...] | None:
    """Read a size from the sheet: one number for all axes, or ``n`` with commas; None if empty.

    Raises
    ------
    InputError
        If it is not that many positive numbers; ``field`` says where it stands.
    """
    if not text.strip():
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) not in (1, n) or not all(v > 0 and np.isfinite(v) for v in values):
        raise InputError(f"{field}: {text!r} is not a size in µm; give one number or {n} (a,b,…)")
    return values * n if len(values) == 1 else values


def agree(
    sheet: tuple[float, ...] | None, metadata: tuple[float, ...] | None, name: str, field: str
) -> tuple[float, ...]:
    """Return the size that the sheet and the file's metadata agree on, µm.

    Raises
    ------
    InputError
        If neither gives one, or if they differ by more than 1 % on an axis.
    """
    if sheet is None and metadata is None:
        raise InputError(f"{name}: its metadata gives no size in µm; set {field} in the sheet")
    if sheet is None:
        return metadata
    if metadata is not None and not np.allclose(sheet, metadata, rtol=TOLERANCE, atol=0):
        raise InputError(
            f"{name}: {field} is {_text(sheet)} µm in the sheet but {_text(metadata)} µm in the "
            "file's metadata; correct the wrong one (empty in the sheet = take the file's)"
        )
    return sheet


def _text(size: tuple[float, ...]) -> str:
    return ",".join(f"{v:g}" for v in size)


def tiff_size_um(tif: tifffile.TiffFile, axes: str) -> tuple[float, ...] | None:
    """Return the size along ``axes`` ("ZYX" or "YX") that a TIFF's metadata gives, µm, or None.

    OME, Aperio and ImageJ metadata are believed; a bare resolution tag only below 20 µm, because
    72 to 1200 dpi are what programs write when they know nothing.
    """
    if tif.is_ome:
        return _ome_size_um(tif.ome_metadata, axes)
    page = tif.pages.first
    if tif.is_svs:
        mpp = re.search(r"\|\s*MPP\s*=\s*([\d.]+)", page.description)
        return (float(mpp[1]),) * len(axes) if mpp else None
    if page.resolution[0] <= 0 or page.resolution[1] <= 0:
        return None
    if tif.is_imagej:
        meta = tif.imagej_metadata
        factor = UNIT_UM.get(str(meta.get("unit", "")).replace("\\u00B5", "µ"))
        if factor is None or ("Z" in axes and "spacing" not in meta):
            return None
        x, y = (factor / r for r in page.resolution)
        return tuple({"Z": meta.get("spacing", 0) * factor, "Y": y, "X": x}[a] for a in axes)
    per_unit_um = {2: 25400.0, 3: 1e4}.get(int(page.resolutionunit or 1))
    if "Z" in axes or per_unit_um is None:
        return None
    size = tuple(per_unit_um / r for r in page.resolution[::-1])
    return size if max(size) <= 20 else None


def _ome_size_um(xml: str, axes: str) -> tuple[float, ...] | None:
    pixels = ElementTree.fromstring(xml).find(".//{*}Pixels")
    sizes = []
    for axis in axes:
        value = pixels.get(f"PhysicalSize{axis}")
        unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
        if value is None or unit not in UNIT_UM:
            return None
        sizes.append(float(value) * UNIT_UM[unit])
    return tuple(sizes)
