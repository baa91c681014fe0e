"""Slides of microscope makers, through their libraries: OpenSlide, Zeiss CZI, Nikon ND2."""

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import nd2
import numpy as np
import openslide
from pylibCZIrw import czi

from virtual_staining.errors import InputError
from virtual_staining.readers.source import READ_ERRORS, RawSlide

OPENSLIDE_SUFFIXES = (
    ".svs", ".ndpi", ".scn", ".bif", ".mrxs", ".vms", ".vmu", ".svslide", ".dcm", ".zvi",
)  # fmt: skip
ERRORS = (*READ_ERRORS, openslide.OpenSlideError)
WHITE = (1.0, 1.0, 1.0)  # where a mosaic has no tile


def _reader(path: Path, pixels: Callable[[int, int], np.ndarray]) -> Callable:
    """Return ``read(y0, y1)`` whose failures name the file."""

    def read(y0: int, y1: int) -> np.ndarray:
        try:
            return pixels(y0, y1)
        except ERRORS as error:
            raise InputError(
                f"{path}: rows {y0}–{y1 - 1} cannot be decoded ({error}); is it damaged?"
            ) from error

    return read


def open_openslide(path: Path) -> RawSlide | None:
    """Open with OpenSlide, at its finest level; None where OpenSlide does not know the file.

    Pixels are RGBA: what the scanner left out is transparent.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        if openslide.OpenSlide.detect_format(path) in (None, "generic-tiff"):
            return None
        slide = openslide.OpenSlide(path)
        width, height = slide.dimensions
        sizes = [slide.properties.get(f"openslide.mpp-{axis}") for axis in "yx"]
        tile = int(slide.properties.get("openslide.level[0].tile-height", 256))
    except ERRORS as error:
        raise InputError(f"{path}: cannot be opened ({error}); is it damaged?") from error

    def pixels(y0: int, y1: int) -> np.ndarray:
        return np.asarray(slide.read_region((0, y0), 0, (width, y1 - y0)))

    size_um = tuple(map(float, sizes)) if all(sizes) else None
    shape = (height, width, 4)
    return RawSlide(str(path), shape, np.dtype("u1"), _reader(path, pixels), size_um, tile)


def open_czi(path: Path) -> RawSlide:
    """Open a Zeiss CZI: its first plane, all scenes where they lie, white between them.

    Raises
    ------
    InputError
        If it is damaged or its pixels are not colours.
    """
    try:
        file = czi.CziReader(str(path))
        kinds = file.pixel_types
        box = file.total_bounding_rectangle_no_pyramid
        planes = file.total_bounding_box_no_pyramid
        size_um = _czi_size_um(file.raw_metadata)
    except (*ERRORS, ElementTree.ParseError) as error:
        raise InputError(f"{path}: cannot be read as CZI ({error}); is it damaged?") from error
    more = {axis: hi - lo for axis, (lo, hi) in planes.items() if axis in "TZC" and hi - lo > 1}
    kind = kinds.get(0)
    if more or kind not in ("Bgr24", "Bgr48"):
        held = ", ".join(f"{n} along {axis}" for axis, n in more.items()) or "one plane"
        raise InputError(
            f"{path}: holds {held} of {' and '.join(sorted(set(kinds.values())))} pixels, not one "
            "RGB image; export the brightfield image as RGB"
        )

    def pixels(y0: int, y1: int) -> np.ndarray:
        roi = (box.x, box.y + y0, box.w, y1 - y0)
        return file.read(roi=roi, background_pixel=WHITE)[..., ::-1]

    dtype = np.dtype("u1" if kind == "Bgr24" else "u2")
    return RawSlide(str(path), (box.h, box.w, 3), dtype, _reader(path, pixels), size_um, 256)


def _czi_size_um(xml: str) -> tuple[float, float] | None:
    """Return the (y, x) pixel size, stored in metres."""
    root = ElementTree.fromstring(xml)
    found = {
        item.get("Id"): float(item.findtext("Value") or 0)
        for item in root.iterfind(".//Scaling/Items/Distance")
    }
    sizes = (found.get("Y", 0) * 1e6, found.get("X", 0) * 1e6)
    return sizes if min(sizes) > 0 else None


def open_nd2(path: Path) -> RawSlide:
    """Open a Nikon ND2 of one colour frame.

    Raises
    ------
    InputError
        If it is damaged, or holds anything but one RGB frame.
    """
    try:
        file = nd2.ND2File(path)
        sizes, dtype = dict(file.sizes), file.dtype
        rgb = file.is_rgb and set(sizes) == {"Y", "X", "S"}
        frame = file.read_frame(0) if rgb else None
    except ERRORS as error:
        raise InputError(f"{path}: cannot be read as ND2 ({error}); is it damaged?") from error
    if not rgb:
        held = " x ".join(f"{n} {axis}" for axis, n in sizes.items())
        raise InputError(
            f"{path}: holds {held} of {dtype}, not one RGB image; export the brightfield image as "
            "RGB"
        )

    def pixels(y0: int, y1: int) -> np.ndarray:
        if file.closed:  # the frame lies in the open file's memory map, gone with it
            raise ValueError("it was closed")
        return frame[y0:y1, :, ::-1]  # ND2 keeps blue first

    return RawSlide(str(path), frame.shape, dtype, _reader(path, pixels), _nd2_size_um(file))


def _nd2_size_um(file: nd2.ND2File) -> tuple[float, float] | None:
    """Return the (y, x) pixel size; None where the file is not calibrated (it then says 1)."""
    try:
        voxel = file.voxel_size()
    except NameError:  # nd2 trips over colour planes without a fluorescent probe
        return None
    return None if voxel.x == voxel.y == 1 else (voxel.y, voxel.x)
