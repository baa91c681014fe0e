"""Slides of Nikon microscopes, ND2."""

from pathlib import Path

import nd2
import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.nd2_chunks import frame_bytes
from virtual_staining.readers.sizes import known_size
from virtual_staining.readers.source import METADATA_ERRORS, RawSlide, row_reader


def open_nd2(path: Path) -> RawSlide:
    """Open a Nikon ND2 of one colour frame.

    Raises
    ------
    InputError
        If it is damaged, holds anything but one RGB frame, or was compressed with loss.
    """
    try:
        with nd2.ND2File(path) as file:
            sizes, dtype, size_um = dict(file.sizes), file.dtype, _nd2_size_um(file)
            rgb = file.is_rgb and set(sizes) == {"Y", "X", "S"}
            shape = file.read_frame(0).shape if rgb else None
            bits = file.attributes.bitsPerComponentSignificant
            lossy = file.attributes.compressionType == "lossy"
            if rgb:
                _check_frame(path, file.attributes)
    except METADATA_ERRORS as error:
        raise InputError(f"{path}: cannot be read as ND2 ({error}); is it damaged?") from error
    if not rgb:
        held = " x ".join(f"{n} {axis}" for axis, n in sizes.items())
        raise InputError(
            f"{path}: holds {held} of {dtype}, not one RGB image; export the brightfield image as "
            "RGB"
        )
    if lossy:  # nd2 takes the compressed bytes for pixels
        raise InputError(
            f"{path}: is compressed with loss, which cannot be read; export the slide as TIFF"
        )

    def pixels(y0: int, y1: int) -> np.ndarray:
        with nd2.ND2File(path) as file:  # the frame is a map of the file, gone when it is closed
            return file.read_frame(0)[y0:y1, :, ::-1].copy()  # ND2 keeps blue first

    return RawSlide(str(path), shape, dtype, row_reader(path, pixels), size_um, bits=bits)


def _check_frame(path: Path, attributes: nd2.structures.Attributes) -> None:
    """Refuse a frame of which fewer bytes are stored than its header says."""
    row = attributes.componentCount * attributes.bitsPerComponentInMemory // 8
    row *= attributes.widthPx or 0
    stored_row = attributes.widthBytes or row
    stored = frame_bytes(path)
    if attributes.compressionType in ("lossless", "lossy") or stored is None:
        stored = stored_row * attributes.heightPx  # that the rest unpacks to this, nd2 looks itself
    if row > stored_row or stored < stored_row * attributes.heightPx:
        raise InputError(
            f"{path}: truncated: its frame has {stored} bytes in rows of {stored_row}, of "
            f"{attributes.heightPx} rows of {row}; copy it again"
        )


def _nd2_size_um(file: nd2.ND2File) -> tuple[float, float] | None:
    """Return the (y, x) pixel size; None where the file is not calibrated (it then says 1)."""
    try:
        voxel, channels = file.voxel_size(), getattr(file.metadata, "channels", None)
    except NameError:  # nd2 trips over colour planes without a fluorescent probe
        return None
    uncalibrated = channels and not all(channels[0].volume.axesCalibrated[:2])
    if uncalibrated or voxel.x == voxel.y == 1:
        return None
    return known_size((voxel.y, voxel.x), str(file.path))


CONTAINER = Container(
    name="Nikon ND2", suffixes=(".nd2",), note="one RGB frame of 8 to 16 bits", open=open_nd2
)
