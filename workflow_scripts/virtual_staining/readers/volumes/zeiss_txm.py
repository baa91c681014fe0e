"""Raw volumes of Zeiss X-ray microscopes, .txm: an OLE file with a stream for each slice."""

import struct
from pathlib import Path

import numpy as np
import olefile

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.sizes import known_size
from virtual_staining.readers.source import READ_ERRORS, Source

TYPES = {2: "<i1", 3: "<u1", 4: "<i2", 5: "<u2", 6: "<i4", 7: "<u4", 10: "<f4", 11: "<f8"}
PER_FOLDER = 100  # slices in each ImageData folder


def open_txm(path: Path) -> Source:
    """Open a reconstruction of a Zeiss X-ray microscope; rows lie as its own program shows them.

    Raises
    ------
    InputError
        If it is damaged, or holds projections (.txrm), which are no volume.
    """
    if path.suffix.lower() == ".txrm":
        raise InputError(
            f"{path}: holds the projections of a scan, not a volume; name the reconstruction (.txm)"
        )
    try:
        with olefile.OleFileIO(path) as ole:
            shape = tuple(
                _number(ole, f"ImageInfo/{name}", "<i")
                for name in ("NoOfImages", "ImageHeight", "ImageWidth")
            )
            kind = _number(ole, "ImageInfo/DataType", "<i")
            if kind not in TYPES:
                raise ValueError(f"its DataType {kind} is unknown")
            dtype = np.dtype(TYPES[kind])
            pixel_um = _pixel_um(ole)
            _check_slices(path, ole, shape, dtype.itemsize)
    except (*READ_ERRORS, olefile.olefile.OleFileError) as error:
        raise InputError(
            f"{path}: cannot be read in Zeiss's TXM format ({error}); is it damaged?"
        ) from error
    size_um = known_size([pixel_um] * 3, str(path))

    def read(z0: int, z1: int) -> np.ndarray:
        try:
            with olefile.OleFileIO(path) as ole:
                planes = [
                    np.frombuffer(ole.openstream(_stream(z)).read(), dtype) for z in range(z0, z1)
                ]
            return np.stack([plane.reshape(shape[1:])[::-1] for plane in planes])
        except (*READ_ERRORS, olefile.olefile.OleFileError) as error:
            raise InputError(f"{path}: planes {z0}–{z1 - 1} cannot be read ({error})") from error

    return Source(str(path), shape, dtype, read, size_um)


def _stream(z: int) -> str:
    return f"ImageData{z // PER_FOLDER + 1}/Image{z + 1}"


def _number(ole: olefile.OleFileIO, stream: str, form: str) -> float:
    """Return the first number of a stream."""
    return struct.unpack_from(form, ole.openstream(stream).read())[0]


def _pixel_um(ole: olefile.OleFileIO) -> float | None:
    """Return the size of a pixel; some programs store it as a double."""
    if not ole.exists("ImageInfo/PixelSize"):
        return None
    data = ole.openstream("ImageInfo/PixelSize").read()
    is_double = len(data) == 8 and data[:4] != data[4:]
    return struct.unpack_from("<d" if is_double else "<f", data)[0]


def _check_slices(
    path: Path, ole: olefile.OleFileIO, shape: tuple[int, int, int], item_bytes: int
) -> None:
    """Refuse a file in which a slice is missing, too many or too short."""
    if min(shape) < 1:
        raise InputError(f"{path}: its header says {' x '.join(map(str, shape))} voxels")
    for z in range(shape[0]):
        if not ole.exists(_stream(z)):
            raise InputError(f"{path}: slice {z + 1} of {shape[0]} is missing; copy it again")
        if ole.get_size(_stream(z)) != shape[1] * shape[2] * item_bytes:
            raise InputError(f"{path}: slice {z + 1} is incomplete; copy it again")
    if ole.exists(_stream(shape[0])):
        raise InputError(
            f"{path}: its header says {shape[0]} slices, but it holds more; export it again"
        )


CONTAINER = Container(
    name="Zeiss TXM",
    suffixes=(".txm", ".txrm"),
    note="the reconstruction; projections (.txrm) are refused; read from the format's description, "
    "not yet tried on a real file",
    open=open_txm,
)
