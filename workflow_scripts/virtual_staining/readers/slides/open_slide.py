"""Raw slides of any container."""

from pathlib import Path

import numpy as np
from PIL import Image

from virtual_staining.errors import InputError
from virtual_staining.readers.slides.microscope import (
    OPENSLIDE_SUFFIXES,
    open_czi,
    open_nd2,
    open_openslide,
)
from virtual_staining.readers.slides.picture import DECODERS, open_picture
from virtual_staining.readers.slides.tiff_slide import TIFF_SUFFIXES, open_tiff_slide
from virtual_staining.readers.source import RawSlide

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
        slide = open_tiff_slide(path)
    elif suffix in (".czi", ".nd2"):
        slide = open_czi(path) if suffix == ".czi" else open_nd2(path)
    elif suffix in DECODERS:
        slide = open_picture(path, DECODERS[suffix])
    else:
        known = ", ".join(sorted({*TIFF_SUFFIXES, *OPENSLIDE_SUFFIXES, ".czi", ".nd2", *DECODERS}))
        raise InputError(f"{path}: not a known slide container; known: {known}")
    if len(slide.shape) != 3 or slide.shape[2] not in (3, 4):
        shape = " x ".join(map(str, slide.shape))
        raise InputError(f"{path}: holds {shape} grey values, not RGB; export the slide as RGB")
    if slide.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path}: holds {slide.dtype} colours; export the slide with 8 or 16 bits")
    return slide
