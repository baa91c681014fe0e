"""Slides of Nikon microscopes, ND2."""

from pathlib import Path

import nd2
import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.source import READ_ERRORS, RawSlide, row_reader


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
    except READ_ERRORS as error:
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

    read = row_reader(path, pixels)
    return RawSlide(str(path), frame.shape, dtype, read, _nd2_size_um(file))


def _nd2_size_um(file: nd2.ND2File) -> tuple[float, float] | None:
    """Return the (y, x) pixel size; None where the file is not calibrated (it then says 1)."""
    try:
        voxel = file.voxel_size()
    except NameError:  # nd2 trips over colour planes without a fluorescent probe
        return None
    return None if voxel.x == voxel.y == 1 else (voxel.y, voxel.x)


CONTAINER = Container(
    name="Nikon ND2", suffixes=(".nd2",), note="one RGB frame of 8 to 16 bits", open=open_nd2
)
