"""One grey slice of a volume in a file of its own: TIFF, PNG, BMP, JPEG 2000 or JPEG.

Folders of slices are read through :func:`open_plane`, whatever the format of their files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from virtual_staining.errors import InputError
from virtual_staining.readers.files import check_file
from virtual_staining.readers.numbers import inverted, plain_dtype, plain_values
from virtual_staining.readers.source import METADATA_ERRORS, read_values
from virtual_staining.readers.tiff_metadata import (
    TIFF_SUFFIXES,
    check_page,
    is_white_zero,
    opened_tiff,
)

# Slices and slides are larger than Pillow believes honest images to be; it reads headers alone.
Image.MAX_IMAGE_PIXELS = None
DECODERS = {
    ".png": imagecodecs.png_decode,
    ".bmp": imagecodecs.bmp_decode,
    ".jp2": imagecodecs.jpeg2k_decode,
    ".j2k": imagecodecs.jpeg2k_decode,
    ".jpg": imagecodecs.jpeg8_decode,
    ".jpeg": imagecodecs.jpeg8_decode,
}
PLANE_SUFFIXES = (*TIFF_SUFFIXES, *DECODERS)
# Pillow's names of formats, with the suffix that they usually have.
FORMATS = {"PNG": ".png", "BMP": ".bmp", "JPEG2000": ".jp2", "JPEG": ".jpg", "MPO": ".jpg"}
# Of a JPEG 2000 codestream: where its sizes begin, and where a component's sign stands behind them.
SIZES_MARKER, SIGN_AT, HEADER_BYTES = b"\xff\x4f\xff\x51", 38, 2**16
# Pillow's names of pixel types whose values are greys.
GREY_MODES = {
    "1": "u1",
    "L": "u1",
    "P": "u1",
    "I;16": "u2",
    "I;16B": "u2",
    "I;16L": "u2",
    "I": "u2",
}


@dataclass(frozen=True)
class Plane:
    """A slice whose header was read.

    Parameters
    ----------
    path : Path
        The file.
    shape : (int, int)
        (y, x).
    dtype : numpy.dtype
        Type of the values that ``read`` returns.
    read : callable
        ``read()`` returns the values (y, x); raises InputError that names the file if it is
        damaged.
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype
    read: Callable[[], np.ndarray]

    @property
    def kind(self) -> str:
        """Size and type in words, for messages."""
        return f"{' x '.join(map(str, self.shape))} {self.dtype}"


def picture_decoder(path: Path, header: Image.Image) -> Callable[[bytes], np.ndarray]:
    """Return what decodes a picture; its content tells the format, whatever its name ends in."""
    return DECODERS[FORMATS.get(str(header.format), path.suffix.lower())]


def open_plane(path: Path) -> Plane:
    """Read the header of one slice of any format in ``PLANE_SUFFIXES``.

    Raises
    ------
    InputError
        If the file is damaged, truncated, not grey, or holds more than one page.
    """
    check_file(path)
    if path.suffix.lower() in DECODERS:
        return _picture_plane(path)
    return _tiff_plane(path)


def _decoded(path: Path, values: Callable[[], np.ndarray]) -> Callable[[], np.ndarray]:
    """Return ``values`` as ``read`` of a plane: plain numbers, failures with the file's name."""

    def read() -> np.ndarray:
        try:
            return plain_values(values())
        except METADATA_ERRORS as error:
            raise InputError(f"{path}: cannot be decoded ({error}); is it damaged?") from error

    return read


def _tiff_plane(path: Path) -> Plane:
    with opened_tiff(path) as tif:
        page = tif.pages.first
        if len(tif.pages) != 1:
            raise InputError(
                f"{path}: holds {len(tif.pages)} pages; save the one that is meant in a file of "
                "its own"
            )
        check_page(path, page, tif.filehandle.size)
        dtype = page.dtype.newbyteorder(tif.byteorder)
        offset = page.dataoffsets[0] if page.is_final else None
        white_zero = is_white_zero(page)
        shape = page.shape

    def values() -> np.ndarray:
        if offset is not None:
            found = read_values(path, dtype, int(np.prod(shape)), offset).reshape(shape)
        else:  # the page alone: OME metadata may describe the whole series
            with tifffile.TiffFile(path) as tif:
                found = tif.pages.first.asarray()
        return inverted(found) if white_zero else found

    return Plane(path, shape, plain_dtype(dtype, str(path)), _decoded(path, values))


def _palette(header: Image.Image) -> np.ndarray:
    """Return the colours (number, 3) of a palette; Pillow would decode the image for them."""
    rawmode, data = header.palette.getdata()
    probe = Image.new("P", (1, 1))
    probe.putpalette(data, rawmode)
    return np.array(probe.getpalette("RGB")).reshape(-1, 3)


def _is_signed(path: Path) -> bool:
    """Say whether a JPEG 2000 holds signed values, which Pillow does not tell.

    The upper bit of the byte behind the sizes says so of the first component.
    """
    with path.open("rb") as file:
        begin = file.read(HEADER_BYTES)
    at = begin.find(SIZES_MARKER) + len(SIZES_MARKER) + SIGN_AT
    return SIZES_MARKER in begin and at < len(begin) and begin[at] >= 128


def _picture_plane(path: Path) -> Plane:
    try:
        with Image.open(path) as header:
            (width, height), mode = header.size, header.mode
            decode, transparent = picture_decoder(path, header), "transparency" in header.info
            palette = _palette(header) if mode == "P" else np.empty((0, 3))
    except METADATA_ERRORS as error:
        raise InputError(f"{path}: cannot be opened ({error}); is it damaged?") from error
    coloured = mode == "P" and (palette != palette[:, :1]).any()
    if mode not in GREY_MODES or coloured:
        raise InputError(
            f"{path}: holds {'a colour palette' if coloured else f'{mode} pixels'}; a volume must "
            "be grey: convert it, or check whether this is the slide"
        )
    shape, dtype = (height, width), np.dtype(GREY_MODES[mode])
    if decode is imagecodecs.jpeg2k_decode and _is_signed(path):
        dtype = np.dtype(dtype.str.replace("u", "i"))

    def values() -> np.ndarray:
        if mode in ("1", "P"):
            with Image.open(path) as image:
                found = np.asarray(image.convert("L")) // (255 if mode == "1" else 1)
        else:
            found = decode(path.read_bytes())
            if transparent and found.ndim == 3:  # one grey counts as transparent
                found = found[..., 0]
        signed = found.dtype.kind == dtype.kind
        if found.shape != shape or found.dtype.itemsize > dtype.itemsize or not signed:
            raise ValueError(f"{found.shape} {found.dtype} instead of {shape} {dtype}")
        return found.astype(dtype, copy=False)

    return Plane(path, shape, dtype, _decoded(path, values))
