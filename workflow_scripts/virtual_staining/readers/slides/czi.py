"""Slides of Zeiss microscopes, CZI."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from pylibCZIrw import czi

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.sizes import known_size, number
from virtual_staining.readers.source import METADATA_ERRORS, RawSlide, row_reader

WHITE = (1.0, 1.0, 1.0)  # where a mosaic has no tile


def open_czi(path: Path, inside: str = "") -> RawSlide:
    """Open a Zeiss CZI of one plane: all scenes where they lie, white between them.

    Parameters
    ----------
    path : Path
        The file.
    inside : str
        Number of one scene; empty for all.

    Raises
    ------
    InputError
        If it is damaged, holds several planes or no colours, or there is no such scene.
    """
    try:
        file = czi.CziReader(str(path))
        kinds = file.pixel_types
        box = file.total_bounding_rectangle_no_pyramid
        planes = file.total_bounding_box_no_pyramid
        scenes = file.scenes_bounding_rectangle_no_pyramid
        metadata = ElementTree.fromstring(file.raw_metadata)
    except (*METADATA_ERRORS, MemoryError) as error:
        raise InputError(f"{path}: cannot be read as CZI ({error}); is it damaged?") from error
    more = {axis: hi - lo for axis, (lo, hi) in planes.items() if axis not in "XY" and hi - lo > 1}
    kind = kinds.get(0)
    if more or kind not in ("Bgr24", "Bgr48"):
        held = ", ".join(f"{n} along {axis}" for axis, n in more.items()) or "one plane"
        raise InputError(
            f"{path}: holds {held} of {' and '.join(sorted(set(kinds.values())))} pixels, not one "
            "RGB image; export the brightfield image as RGB"
        )
    scene = {str(number): number for number in scenes}.get(inside)
    if inside:
        if scene is None:
            raise InputError(f"{path}: has no scene {inside}; its scenes are {sorted(scenes)}")
        box = scenes[scene]

    def pixels(y0: int, y1: int) -> np.ndarray:
        roi = (box.x, box.y + y0, box.w, y1 - y0)
        return file.read(roi=roi, scene=scene, background_pixel=WHITE)[..., ::-1]

    dtype = np.dtype("u1" if kind == "Bgr24" else "u2")
    return RawSlide(
        str(path),
        (box.h, box.w, 3),
        dtype,
        row_reader(path, pixels),
        _size_um(metadata, str(path)),
        256,
        bits=max((int(b.text or 0) for b in metadata.iterfind(".//ComponentBitCount")), default=0),
    )


def _size_um(metadata: ElementTree.Element, name: str) -> tuple[float, float] | None:
    """Return the (y, x) pixel size, stored in metres."""
    found = {
        item.get("Id"): 1e6 * number(item.findtext("Value"))
        for item in metadata.iterfind(".//Scaling/Items/Distance")
    }
    return known_size([found.get("Y"), found.get("X")], name)


CONTAINER = Container(
    name="Zeiss CZI",
    suffixes=(".czi",),
    note="8 and 16 bits; all scenes where they lie, white between them, or the one named",
    open=open_czi,
    inside="number",
)
