"""TIFF volumes and slides: opening, pixel sizes in the metadata, checks of pages."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.readers.source import READ_ERRORS, UNIT_UM

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")


@contextlib.contextmanager
def opened_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF for the time of a block.

    Raises
    ------
    InputError
        If the file is no TIFF, or the block stumbles over damage.
    """
    try:
        with tifffile.TiffFile(path) as tif:
            yield tif
    except READ_ERRORS as error:
        raise InputError(f"{path}: cannot be read as TIFF ({error}); is it damaged?") from error


@contextlib.contextmanager
def reopened(pages: Iterable[tifffile.TiffPage | tifffile.TiffFrame]) -> Iterator[None]:
    """Open the files of pages again, for the time of a block in which the pages are decoded."""
    files = {page.parent.filehandle for page in pages}
    try:
        for file in files:
            file.open()
        yield
    finally:
        for file in files:
            file.close()


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


def check_page(path: Path, page: tifffile.TiffPage, file_size: int) -> None:
    """Refuse colour, and data that ends beyond the file.

    Raises
    ------
    InputError
        Naming the file and what it holds.
    """
    if page.samplesperpixel != 1 or page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        raise InputError(
            f"{path}: holds {page.photometric.name} pixels with {page.samplesperpixel} samples; a "
            "volume must be grey: convert it, or check whether this is the slide"
        )
    check_complete(path, page, file_size)


def check_complete(path: Path, page: tifffile.TiffPage, file_size: int) -> None:
    """Refuse a page whose data would end beyond the file.

    Raises
    ------
    InputError
        Naming the file and how much of it there is.
    """
    ends = np.add(page.dataoffsets, page.databytecounts)
    if not len(ends) or ends.max() > file_size:
        raise InputError(
            f"{path}: truncated: the file has {file_size} bytes of {max(ends, default=0)}; copy "
            "it again"
        )
