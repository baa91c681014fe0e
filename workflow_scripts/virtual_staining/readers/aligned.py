"""A grey image of the CT that was aligned with a slide before (the sheet's ``ct_image``)."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from virtual_staining.errors import InputError
from virtual_staining.readers.bounds import check_memory
from virtual_staining.readers.orientation import EXCHANGED, UPRIGHT, turned
from virtual_staining.readers.pixel_sizes import TOLERANCE
from virtual_staining.readers.planes import PLANE_SUFFIXES, Plane, open_plane
from virtual_staining.readers.source import METADATA_ERRORS
from virtual_staining.readers.tiff_metadata import TIFF_SUFFIXES, opened_tiff, slice_size_um

ALIGNED_COARSER = 1.01  # so many times the study's pixels an aligned pair's may be large
BYTES_A_PIXEL = 48  # greys, where they were measured, and the sums that areas are averaged by


@dataclass(frozen=True)
class AlignedImage:
    """An aligned image whose header was read.

    Parameters
    ----------
    plane : Plane
        Turned upright as the file's orientation tag says, as slides are.
    size_um : (float, float) or None
        Size (y, x) of a pixel as the file says, µm; NaN on an axis of which it says nothing.
    """

    plane: Plane
    size_um: tuple[float, ...] | None


def open_aligned(path: Path) -> AlignedImage:
    """Read the header of an aligned image.

    Raises
    ------
    InputError
        If it is of no known format, damaged, not grey, of several pages, or larger than the memory
        can hold.
    """
    if path.suffix.lower() not in PLANE_SUFFIXES:
        raise InputError(f"{path}: ct_image must be one of {', '.join(PLANE_SUFFIXES)}; convert it")
    plane = open_plane(path)
    check_memory(str(path), BYTES_A_PIXEL * plane.shape[0] * plane.shape[1], "the aligned image; "
                 "export the pair with larger pixels, or give the job more memory")  # fmt: skip
    if path.suffix.lower() in TIFF_SUFFIXES:
        with opened_tiff(path) as tif:
            tag = tif.pages.first.tags.valueof("Orientation", UPRIGHT)
            sizes = slice_size_um(tif)
        size_um = None if sizes is None else sizes[1:]
    else:
        tag, size_um = _exif_orientation(path), None  # dpi are not believed
    if tag not in range(1, 9):
        raise InputError(f"{path}: its orientation tag is {tag}, not 1 to 8")
    if tag in EXCHANGED:
        size_um = size_um and size_um[::-1]
        plane = replace(plane, shape=plane.shape[::-1])
    read = plane.read
    return AlignedImage(replace(plane, read=lambda: turned(read(), tag)), size_um)


def _exif_orientation(path: Path) -> int:
    try:
        with Image.open(path) as header:
            exif = Image.Exif()
            exif.load(header.info.get("exif", b""))
            return exif.get(ExifTags.Base.Orientation, UPRIGHT)
    except METADATA_ERRORS as error:
        raise InputError(f"{path}: cannot be opened ({error}); is it damaged?") from error


def check_aligned(
    image: AlignedImage,
    slide_shape: tuple[int, ...],
    pixel_um: float,
    working_um: float,
    *,
    insist: bool = False,
) -> None:
    """Refuse an aligned image (ct_image) that does not fit its slide or the study's pixels.

    Parameters
    ----------
    image : AlignedImage
        The image.
    slide_shape : (rows, columns)
        Size of the upright slide, px.
    pixel_um, working_um : float
        Pixel size of the slide, and of all pairs of the study, µm; larger pixels are not
        interpolated.
    insist : bool
        Whether the sheet insists on the slide's pixel size, whatever the image says.

    Raises
    ------
    InputError
        Naming the image, both numbers and the remedy.
    """
    path, shape = image.plane.path, image.plane.shape
    if tuple(shape) != tuple(slide_shape):
        raise InputError(
            f"{path}: ct_image has {' x '.join(map(str, shape))} pixels, the slide "
            f"{' x '.join(map(str, slide_shape))}; an aligned pair has one size: export both on "
            "one grid"
        )
    said = np.array(image.size_um or (np.nan, np.nan))
    if not insist and (np.abs(said / pixel_um - 1) > TOLERANCE).any():
        raise InputError(
            f"{path}: its pixels are {said[0]:g} x {said[1]:g} µm (y, x) as the file says, but "
            f"the slide's {pixel_um:g} µm; an aligned pair has one pixel size: write it as "
            f"slide_pixel_um with a last ! to insist ({pixel_um:g}!)"
        )
    if pixel_um > ALIGNED_COARSER * working_um:
        raise InputError(
            f"{path}: slide_pixel_um is {pixel_um:g} µm, coarser than ingest.voxel_size_um, "
            f"{working_um:g} µm; set ingest.voxel_size_um to {pixel_um:g} or more"
        )
