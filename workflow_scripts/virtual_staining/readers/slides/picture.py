"""Raw slides as PNG, JPEG, JPEG 2000 or BMP."""

from pathlib import Path

import imagecodecs
from PIL import ExifTags, Image

from virtual_staining.errors import InputError
from virtual_staining.readers.container import Container
from virtual_staining.readers.orientation import UPRIGHT, upright
from virtual_staining.readers.source import READ_ERRORS, RawSlide

# Slides are larger than Pillow believes honest images to be; it reads their headers alone.
Image.MAX_IMAGE_PIXELS = None
DECODERS = {
    ".png": imagecodecs.png_decode,
    ".jpg": imagecodecs.jpeg8_decode,
    ".jpeg": imagecodecs.jpeg8_decode,
    ".jp2": imagecodecs.jpeg2k_decode,
    ".j2k": imagecodecs.jpeg2k_decode,
    ".bmp": imagecodecs.bmp_decode,
}


def open_picture(path: Path) -> RawSlide:
    """Decode a picture whole; these formats have no parts.

    Their dpi is not believed, their EXIF orientation is.

    Raises
    ------
    InputError
        If it is damaged or truncated.
    """
    data, decode = path.read_bytes(), DECODERS[path.suffix.lower()]
    # libjpeg fills what is missing with grey; the end marker cannot occur inside a scan.
    if decode is imagecodecs.jpeg8_decode and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise InputError(f"{path}: truncated: the JPEG's end is missing; copy it again")
    try:
        image = decode(data)
        with Image.open(path) as header:
            exif = Image.Exif()
            exif.load(header.info.get("exif", b""))
            mode = header.mode
    except READ_ERRORS as error:
        raise InputError(f"{path}: cannot be decoded ({error}); is it damaged?") from error
    if mode == "CMYK":
        raise InputError(f"{path}: holds CMYK pixels, not RGB; export the slide as RGB")
    slide = RawSlide(str(path), image.shape, image.dtype, lambda y0, y1: image[y0:y1])
    return upright(slide, exif.get(ExifTags.Base.Orientation, UPRIGHT))


CONTAINER = Container(
    name="PNG, JPEG, JPEG 2000 and BMP",
    suffixes=tuple(DECODERS),
    note="8 and 16 bits, with or without transparency; EXIF orientation is obeyed; the file is "
    "decoded whole",
    open=open_picture,
)
