"""Which image of a TIFF is the slide, and how its stored samples become colours."""

import logging
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.readers.stored_colours import (
    colour_samples,
    holds_differences,
    rgb_of_differences,
)
from virtual_staining.readers.tiff_metadata import ome_channel_names, photometric

log = logging.getLogger(__name__)

# Whole words: a slide may be called macrophages_1.
OVERVIEW = re.compile(
    r"(?<![a-z])(macro|label|thumbnail|overview|barcode|(slide)?preview)(image)?(?![a-z])",
    re.IGNORECASE,
)
COLOURS = ("RGB", "YCBCR")
RGB_NAMES = ("red", "green", "blue")


@dataclass(frozen=True)
class BrightfieldImage:
    """An image of a TIFF that holds colours.

    Parameters
    ----------
    number : int
        Which series of the file.
    name : str
        As the file calls it.
    axes : str
        Of the stored array, such as YXS, SYX, CYX or YX (palette).
    shape : (int, int, int)
        (y, x, samples) of what ``colours`` returns.
    dtype : numpy.dtype
        Of what ``colours`` returns.
    samples : list of int
        The stored samples that are red, green, blue and, where there is one, alpha.
    premultiplied : bool
        Whether alpha is multiplied into the colours.
    palette : ndarray, optional
        uint8 (number, 3), the colours of a palette image.
    differences : bool
        Whether brightness and colour differences (YCbCr) are stored in place of RGB.
    """

    number: int
    name: str
    axes: str
    shape: tuple[int, int, int]
    dtype: np.dtype
    samples: list[int]
    premultiplied: bool = False
    palette: np.ndarray | None = field(default=None, compare=False)
    differences: bool = False

    def colours(self, stored: np.ndarray) -> np.ndarray:
        """Return stored rows as (y, x, samples)."""
        if self.palette is not None:
            return self.palette[stored]
        if self.axes[0] != "Y":
            stored = np.moveaxis(stored, 0, -1)
        if len(self.samples) < stored.shape[-1] or self.samples != sorted(self.samples):
            stored = stored[..., self.samples]
        if self.differences:
            return rgb_of_differences(stored)
        return stored


def chosen_image(path: Path, tif: tifffile.TiffFile, inside: str) -> BrightfieldImage:
    """Return the image of a TIFF that is the slide.

    Parameters
    ----------
    path : Path
        The file.
    tif : TiffFile
        The opened file.
    inside : str
        Number (from 0) or name of the image. Empty for the largest brightfield image; macro images,
        labels and thumbnails are never taken unless they are named.

    Raises
    ------
    InputError
        If there is no such image, or several are equally large; lists them.
    """
    found = [image for n, s in enumerate(tif.series) if (image := _brightfield(tif, n, s))]
    named = [image for image in found if inside and inside in (str(image.number), image.name)]
    slides = named or [image for image in found if not inside and not OVERVIEW.search(image.name)]
    if not slides:
        if found and inside:
            raise InputError(
                f"{path}: has no brightfield image {inside}; its images are {_listed(found)}"
            )
        if found:
            raise InputError(
                f"{path}: holds nothing but overviews, {_listed(found)}; name the file of the "
                f"slide, or one of these as {path.name}::number"
            )
        held = "; ".join(_label(n, s) for n, s in enumerate(tif.series))
        if any(_is_colour(s) for s in tif.series):
            raise InputError(
                f"{path}: holds {held}, several RGB images in one; save the one that is the slide "
                "as a file of its own"
            )
        raise InputError(
            f"{path}: holds {held}, not one RGB image; export the brightfield image as RGB "
            "(raw2ometiff --rgb, or RGB Color in Fiji)"
        )
    areas = [image.shape[0] * image.shape[1] for image in slides]
    largest = [image for image, area in zip(slides, areas, strict=True) if area == max(areas)]
    listed = _listed(found)
    if len(largest) > 1:
        raise InputError(
            f"{path}: holds {len(largest)} brightfield images of the same size; write the slide as "
            f"{path.name}::number with one of {listed}"
        )
    (image,) = largest
    if len(tif.series) > 1 and not inside:
        log.info("%s: of its %d images ::%d (%s) is read, the largest of %s", path,
                 len(tif.series), image.number, image.name, listed)  # fmt: skip
    if (extra := tif.series[image.number].keyframe.extrasamples) and len(image.samples) == 3:
        log.warning("%s: its %d samples beside red, green and blue do not say that they are "
                    "transparency (alpha); they are left out", path, len(extra))  # fmt: skip
    return image


def _is_colour(series: tifffile.TiffPageSeries) -> bool:
    return series.keyframe is not None and photometric(series.keyframe) in COLOURS


def _listed(images: list[BrightfieldImage]) -> str:
    """Return what the sheet writes behind the path for each image, and the image's name or size."""
    return ", ".join(
        f"::{one.number} ({one.name or f'{one.shape[0]}x{one.shape[1]}'})" for one in images
    )


def _label(number: int, series: tifffile.TiffPageSeries) -> str:
    """Return what a series holds, in words."""
    page = series.keyframe
    kind = "" if page is None else f" {photometric(page)}"
    return f"{'x'.join(map(str, series.shape))} {series.axes}{kind} pixels"


def _brightfield(
    tif: tifffile.TiffFile, number: int, series: tifffile.TiffPageSeries
) -> BrightfieldImage | None:
    """Return a series as image of colours, None where it is none."""
    page, axes, shape = series.keyframe, series.axes, series.shape
    if page is None:
        return None
    kind = photometric(page)
    if axes in ("YXS", "SYX") and kind in COLOURS:
        samples, premultiplied = colour_samples(page.extrasamples)
    elif axes == "YX" and kind == "PALETTE" and page.colormap is not None:
        palette = (page.colormap.T >> 8).astype(np.uint8)
        return BrightfieldImage(
            number, series.name, axes, (*shape, 3), np.dtype("u1"), [0, 1, 2], palette=palette
        )
    elif axes == "CYX" and tif.is_ome:
        names = [name.lower() for name in ome_channel_names(tif, number)]
        if sorted(names) != sorted(RGB_NAMES):
            return None
        samples, premultiplied = [names.index(name) for name in RGB_NAMES], False
    else:
        return None
    height, width = (shape[axes.index(axis)] for axis in "YX")
    return BrightfieldImage(
        number,
        series.name,
        axes,
        (height, width, len(samples)),
        series.dtype.newbyteorder("="),
        samples,
        premultiplied,
        differences=holds_differences(tif, page),
    )
