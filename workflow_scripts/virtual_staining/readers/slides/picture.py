"""Raw slides as PNG or JPEG."""

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import ExifTags, Image

from virtual_staining.errors import InputError
from virtual_staining.readers.orientation import UPRIGHT, upright
from virtual_staining.readers.source import READ_ERRORS, RawSlide

DECODERS = {
    ".png": imagecodecs.png_decode,
    ".jpg": imagecodecs.jpeg8_decode,
    ".jpeg": imagecodecs.jpeg8_decode,
}


def open_picture(path: Path, decode: Callable[[bytes], np.ndarray]) -> RawSlide:
    """Decode a PNG or JPEG whole; these formats have no parts.

    Their dpi is not believed, their EXIF orientation is.
    """
    data = path.read_bytes()
    # libjpeg fills what is missing with grey; the end marker cannot occur inside a scan.
    if decode is imagecodecs.jpeg8_decode and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise InputError(f"{path}: truncated: the JPEG's end is missing; copy it again")
    try:
        image = decode(data)
        with Image.open(path) as header:
            exif = Image.Exif()
            exif.load(header.info.get("exif", b""))
    except READ_ERRORS as error:
        raise InputError(f"{path}: cannot be decoded ({error}); is it damaged?") from error
    slide = RawSlide(str(path), image.shape, image.dtype, lambda y0, y1: image[y0:y1])
    return upright(slide, exif.get(ExifTags.Base.Orientation, UPRIGHT))
