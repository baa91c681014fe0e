"""TIFF volumes and slides: opening, pixel sizes in the metadata, checks of pages."""

import contextlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.readers.sizes import known_size, number, unit_um
from virtual_staining.readers.source import METADATA_ERRORS

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
    except METADATA_ERRORS as error:
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


def tiff_size_um(tif: tifffile.TiffFile, axes: str, image: int = 0) -> tuple[float, ...] | None:
    """Return the size along ``axes`` ("ZYX" or "YX") that a TIFF's metadata gives, µm, or None.

    OME, Aperio and ImageJ metadata are believed; a bare resolution tag only below 20 µm, because
    72 to 1200 dpi are what programs write when they know nothing.

    Parameters
    ----------
    tif : TiffFile
        The opened file.
    axes : str
        Letters of the axes.
    image : int
        Number of the series.
    """
    if tif.is_ome:
        sizes = _ome_sizes_um(_ome_pixels(tif, image))
    else:
        sizes = _sizes_um(tif, tif.series[image].keyframe)
    return known_size([sizes.get(axis) for axis in axes], tif.filehandle.path)


def slice_size_um(tif: tifffile.TiffFile) -> tuple[float, ...] | None:
    """Return the (z, y, x) voxel size that one slice in a file of its own gives, µm, or None.

    The other files of a series that its OME metadata may describe are not opened.
    """
    if tif.is_ome:
        pixels = ElementTree.fromstring(tif.ome_metadata).find(".//{*}Pixels")
        sizes = {} if pixels is None else _ome_sizes_um(pixels)
    else:
        sizes = _sizes_um(tif, tif.pages.first)
    return known_size([sizes.get(axis) for axis in "ZYX"], tif.filehandle.path)


def _sizes_um(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> dict[str, float | None]:
    """Return the sizes by axis, µm, that metadata of other kinds than OME's give for a page."""
    if tif.is_svs:
        mpp = re.search(r"\|\s*MPP\s*=\s*([^|\s]+)", tif.pages.first.description)
        return dict.fromkeys("ZYX", number(mpp[1])) if mpp else {}
    if tif.is_imagej:
        return _imagej_sizes_um(tif.imagej_metadata, page.resolution)
    return _resolution_um(page)


def _ome_pixels(tif: tifffile.TiffFile, image: int) -> ElementTree.Element:
    """Return the OME-XML of a series: of that number or, if images were left out, of its size."""
    pixels = ElementTree.fromstring(tif.ome_metadata).findall(".//{*}Image/{*}Pixels")
    series = tif.series[image]
    wanted = [str(dict(zip(series.axes, series.shape, strict=True)).get(a, 1)) for a in "YX"]
    alike = [one for one in pixels if [one.get(f"Size{a}") for a in "YX"] == wanted]
    of_number = pixels[image] if image < len(pixels) else pixels[0]
    return of_number if of_number in alike or not alike else alike[0]


def _ome_sizes_um(pixels: ElementTree.Element) -> dict[str, float | None]:
    """Return the sizes of an image of OME-XML by axis, µm."""
    sizes = {}
    for axis in "ZYX":
        factor = unit_um(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        value = pixels.get(f"PhysicalSize{axis}")
        sizes[axis] = None if value is None or factor is None else number(value) * factor
    return sizes


def ome_channel_names(tif: tifffile.TiffFile, image: int) -> list[str]:
    """Return the names of an image's channels in OME metadata, empty ones where it gives none."""
    return [one.get("Name", "") for one in _ome_pixels(tif, image).findall("{*}Channel")]


def significant_tiff_bits(tif: tifffile.TiffFile, image: int) -> int:
    """Return how many bits of a value mean something, as the metadata say; 0 where they do not.

    OME says so by SignificantBits; other TIFF by pixels of fewer bits than a whole number of bytes,
    or by the tag MaxSampleValue.
    """
    said = _ome_pixels(tif, image).get("SignificantBits", "0") if tif.is_ome else "0"
    page = tif.series[image].keyframe
    if said.isdigit() and int(said):
        return int(said)
    if page.bitspersample % 8:
        return int(page.bitspersample)
    return int(np.max(page.tags.valueof("MaxSampleValue", 0))).bit_length()


def _imagej_sizes_um(meta: dict, resolution: tuple[float, float]) -> dict[str, float | None]:
    """Return the sizes in ImageJ's description; yunit and zunit are named where they differ.

    ImageJ itself takes the absolute value of a negative slice distance.
    """
    factors = {"X": unit_um(meta.get("unit"))}
    for axis in "YZ":
        own = meta.get(f"{axis.lower()}unit")
        factors[axis] = unit_um(own) if own else factors["X"]
    x, y = (1 / r if r > 0 else 0.0 for r in resolution)
    steps = {"X": x, "Y": y, "Z": abs(number(meta["spacing"])) if "spacing" in meta else None}
    return {
        axis: None if factors[axis] is None or step is None else step * factors[axis]
        for axis, step in steps.items()
    }


def _resolution_um(page: tifffile.TiffPage) -> dict[str, float | None]:
    """Return the sizes in the resolution tags, where they are a microscope's."""
    per_unit_um = {2: 25400.0, 3: 1e4}.get(int(page.resolutionunit or 1))
    if per_unit_um is None or min(page.resolution) <= 0:
        return {}
    x, y = (per_unit_um / r for r in page.resolution)
    return {"Y": y, "X": x} if max(x, y) <= 20 else {}


def photometric(page: tifffile.TiffPage) -> str:
    """Return the name of a page's kind of pixels, the number of an unknown kind."""
    return str(getattr(page.photometric, "name", page.photometric))


def is_white_zero(page: tifffile.TiffPage) -> bool:
    """Say whether a page's smallest value is the brightest (photometric WhiteIsZero)."""
    return page.photometric == tifffile.PHOTOMETRIC.MINISWHITE


def has_grey_palette(page: tifffile.TiffPage) -> bool:
    """Say whether the colours of a palette page are the greys of their numbers."""
    colours = page.colormap
    if page.photometric != tifffile.PHOTOMETRIC.PALETTE or colours is None:
        return False
    rising = np.linspace(0, 65535, colours.shape[1])
    return bool(np.abs(colours - rising).max() < 65535 / colours.shape[1] + 1)


def check_page(path: Path, page: tifffile.TiffPage, file_size: int) -> None:
    """Refuse colour, and data that ends beyond the file; a palette of greys is none.

    Raises
    ------
    InputError
        Naming the file and what it holds.
    """
    if page.dtype is None:
        raise InputError(
            f"{path}: holds {page.bitspersample} bits a value of no known type; convert it to 8 or "
            "16 bits"
        )
    palette = page.photometric == tifffile.PHOTOMETRIC.PALETTE and not has_grey_palette(page)
    if page.samplesperpixel != 1 or palette:
        raise InputError(
            f"{path}: holds {photometric(page)} pixels with {page.samplesperpixel} samples; a "
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
