"""Raw slides as PNG, JPEG, JPEG 2000 or BMP."""

from pathlib import Path

import imagecodecs
from PIL import ExifTags, Image

from virtual_staining.errors import InputError
from virtual_staining.readers.bounds import check_held, check_memory
from virtual_staining.readers.container import Container
from virtual_staining.readers.orientation import UPRIGHT, upright
from virtual_staining.readers.planes import DECODERS, picture_decoder
from virtual_staining.readers.source import READ_ERRORS, RawSlide

SAMPLES = {"1": 1, "L": 1, "P": 3, "LA": 2, "I;16": 2, "RGBA": 4}  # bytes of a decoded pixel


def open_picture(path: Path) -> RawSlide:
    """Decode a picture whole; these formats have no parts.

    Their dpi is not believed, their EXIF orientation is.

    Raises
    ------
    InputError
        If it is damaged or truncated, or larger than the file or the memory can hold.
    """
    try:
        with Image.open(path) as header:
            exif = Image.Exif()
            exif.load(header.info.get("exif", b""))
            mode, (width, height) = header.mode, header.size
            decode = picture_decoder(path, header)
    except READ_ERRORS as error:
        raise InputError(f"{path}: cannot be decoded ({error}); is it damaged?") from error
    if mode == "CMYK":
        raise InputError(f"{path}: holds CMYK pixels, not RGB; export the slide as RGB")
    samples = SAMPLES.get(mode, 3)
    check_held(str(path), (height, width), samples, path.stat().st_size)
    check_memory(str(path), 2 * height * width * samples, "the picture, which is decoded whole; "
                 "export the slide as a pyramidal TIFF, or give the job more memory")  # fmt: skip
    data = path.read_bytes()
    # libjpeg fills what is missing with grey; the end marker cannot occur inside a scan.
    if decode is imagecodecs.jpeg8_decode and data.rfind(b"\xff\xd9") < data.rfind(b"\xff\xda"):
        raise InputError(f"{path}: truncated: the JPEG's end is missing; copy it again")
    try:
        image = decode(data)
    except (*READ_ERRORS, MemoryError) as error:
        raise InputError(f"{path}: cannot be decoded ({error}); is it damaged?") from error
    slide = RawSlide(str(path), image.shape, image.dtype, lambda y0, y1: image[y0:y1])
    return upright(slide, exif.get(ExifTags.Base.Orientation, UPRIGHT))


CONTAINER = Container(
    name="PNG, JPEG, JPEG 2000 and BMP",
    suffixes=tuple(DECODERS),
    note="8 and 16 bits, with or without transparency; EXIF orientation is obeyed; the file is "
    "decoded whole",
    open=open_picture,
)
