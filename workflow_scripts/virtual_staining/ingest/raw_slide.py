"""Raw slides of any container: their colour pixels, row by row, as 8-bit RGB."""

from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
import zarr
from PIL import ExifTags, Image

from virtual_staining.errors import InputError
from virtual_staining.ingest.microscope_slide import (
    OPENSLIDE_SUFFIXES,
    open_czi,
    open_nd2,
    open_openslide,
)
from virtual_staining.ingest.orientation import UPRIGHT, upright
from virtual_staining.ingest.sizes import tiff_size_um
from virtual_staining.ingest.source import READ_ERRORS, RawSlide
from virtual_staining.ingest.tiffvolume import check_complete

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".svs", ".ndpi", ".scn", ".bif")
DECODERS = {
    ".png": imagecodecs.png_decode,
    ".jpg": imagecodecs.jpeg8_decode,
    ".jpeg": imagecodecs.jpeg8_decode,
}
SAMPLE_PX = 1024  # rows and columns looked at for background and bit depth
Image.MAX_IMAGE_PIXELS = None  # slides are larger than Pillow believes honest images to be


def open_slide(path: str | Path) -> RawSlide:
    """Open a slide: TIFF family, OpenSlide's formats, CZI, ND2, PNG or JPEG.

    Pyramids open at their finest level.

    Raises
    ------
    InputError
        If it is missing, damaged, of no known container, or not an RGB image.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the sheet's slide column")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; copy it again")
    suffix = path.suffix.lower()
    slide = open_openslide(path) if suffix in OPENSLIDE_SUFFIXES else None
    if slide is not None:
        pass
    elif suffix in TIFF_SUFFIXES:
        slide = _open_tiff(path)
    elif suffix in (".czi", ".nd2"):
        slide = open_czi(path) if suffix == ".czi" else open_nd2(path)
    elif suffix in DECODERS:
        slide = _open_picture(path, DECODERS[suffix])
    else:
        known = ", ".join(sorted({*TIFF_SUFFIXES, *OPENSLIDE_SUFFIXES, ".czi", ".nd2", *DECODERS}))
        raise InputError(f"{path}: not a known slide container; known: {known}")
    if len(slide.shape) != 3 or slide.shape[2] not in (3, 4):
        shape = " x ".join(map(str, slide.shape))
        raise InputError(f"{path}: holds {shape} grey values, not RGB; export the slide as RGB")
    if slide.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path}: holds {slide.dtype} colours; export the slide with 8 or 16 bits")
    return slide


def _open_tiff(path: Path) -> RawSlide:
    try:
        tif = tifffile.TiffFile(path)
        series = tif.series[0]
        page = series.keyframe
        store = zarr.open_array(tif.aszarr(series=0, level=0), mode="r")
        pixel_size_um = tiff_size_um(tif, "YX")
    except READ_ERRORS as error:
        raise InputError(f"{path}: cannot be read as TIFF ({error}); is it damaged?") from error
    axes, shape = series.axes, series.shape
    planar = axes == "SYX"
    if axes not in ("YXS", "SYX") or page.photometric.name not in ("RGB", "YCBCR"):
        raise InputError(
            f"{path}: holds {'x'.join(map(str, shape))} {axes} {page.photometric.name} pixels, not "
            "one RGB image; export the brightfield image as RGB"
        )
    check_complete(path, page, tif.filehandle.size)

    def read(y0: int, y1: int) -> np.ndarray:
        try:
            return np.moveaxis(store[:, y0:y1], 0, -1) if planar else store[y0:y1]
        except READ_ERRORS as error:
            raise InputError(
                f"{path}: rows {y0}–{y1 - 1} cannot be decoded ({error}); is it damaged?"
            ) from error

    shape = (*shape[1:], shape[0]) if planar else shape
    block = store.chunks[1 if planar else 0]
    slide = RawSlide(str(path), shape, series.dtype, read, pixel_size_um, block)
    return upright(slide, page.tags.valueof("Orientation", UPRIGHT))


def _open_picture(path: Path, decode: Callable[[bytes], np.ndarray]) -> RawSlide:
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


def rgb_reader(slide: RawSlide) -> Callable[[int, int], np.ndarray]:
    """Return ``read(y0, y1)`` that gives uint8 RGB rows.

    Transparency is flattened on the slide's own background, 16 bits are divided by the smallest
    camera range (8, 10, 12, 14 or 16 bits) that holds the brightest sampled value.
    """
    sample = _sample(slide)
    white = 255
    if slide.dtype == np.uint16:
        bits = max(8, int(sample[..., :3].max()).bit_length())
        white = 2 ** (bits + bits % 2) - 1
    opaque = 255 if slide.dtype == np.uint8 else 65535
    background = background_rgb(sample, opaque)

    def read(y0: int, y1: int) -> np.ndarray:
        rows = slide.read(y0, y1)
        if rows.dtype == np.uint8 and (rows.shape[2] == 3 or (rows[..., 3] == opaque).all()):
            return rows[..., :3]
        rgb = rows[..., :3].astype(np.float32)
        if rows.shape[2] == 4:
            alpha = rows[..., 3:].astype(np.float32) / opaque
            rgb = rgb * alpha + background * (1 - alpha)
        return np.clip(rgb * (255 / white) + 0.5, 0, 255).astype(np.uint8)

    return read


def _sample(slide: RawSlide) -> np.ndarray:
    """Return about ``SAMPLE_PX`` x ``SAMPLE_PX`` pixels from all over the slide."""
    height, width, _ = slide.shape
    step = max(1, width // SAMPLE_PX)
    rows = -(-max(slide.block, 16) // slide.block) * slide.block
    starts = range(0, height, max(rows, rows * (height // SAMPLE_PX)))
    bands = [slide.read(y, min(y + rows, height))[::step, ::step] for y in starts]
    return np.concatenate(bands)


def background_rgb(image: np.ndarray, opaque: int) -> np.ndarray:
    """Return the median colour of the brightest tenth of the opaque pixels, (3,).

    Parameters
    ----------
    image : ndarray, shape (y, x, 3 or 4)
        RGB or RGBA.
    opaque : int
        Alpha of an opaque pixel; where there is none the background is white.
    """
    pixels = image.reshape(-1, image.shape[2])
    if pixels.shape[1] == 4:
        pixels = pixels[pixels[:, 3] == opaque]
    if not len(pixels):
        return np.full(3, opaque, np.float32)
    brightness = pixels[:, :3].mean(1)
    bright = pixels[brightness >= np.quantile(brightness, 0.9), :3]
    return np.median(bright, axis=0).astype(np.float32)
