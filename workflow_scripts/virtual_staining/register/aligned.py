"""A pair that was aligned before: a grey image of the CT on the pixels of its slide, no volume."""

import argparse
import logging
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.registration import Registration, write_registration
from virtual_staining.artefacts.slide import (
    full_pixel_um,
    full_shape_px,
    open_slide_pyramid,
    stored_to_um,
)
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.measured import FILL, find_fill, unmeasured
from virtual_staining.readers.aligned import check_aligned, open_aligned
from virtual_staining.readers.files import check_file
from virtual_staining.readers.planes import Plane
from virtual_staining.register.inputs import coarsest_level_below
from virtual_staining.register.result.itk_transform import write_tfm
from virtual_staining.register.result.pair_grid import PairGrid
from virtual_staining.register.result.pair_images import resample_slide, scanned_pixels
from virtual_staining.register.result.qc import draw_qc

log = logging.getLogger(__name__)

PERCENTILES = (0.01, 99.99)  # of greys beyond 16 bits that become 0 and 65535
GREY_BINS = 64
WHITE = (255, 255, 255)
IDENTITY = SectionMap(np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))


def register_aligned(args: argparse.Namespace, pixel_um: float) -> None:
    """Write the pair and what belongs to it; ``slide_to_volume`` leads into the pair's own plane.

    Parameters
    ----------
    args : Namespace
        ``ct`` (grey image), ``slide`` (ingested), ``insist``, ``sample``, ``volume`` and ``out``.
    pixel_um : float
        Pixel size of all pairs of the study, µm.

    Raises
    ------
    InputError
        If the images or their pixels are not of one size, or these are coarser than ``pixel_um``.
    """
    full_um = full_pixel_um(args.slide)
    check_file(args.ct)
    image = open_aligned(Path(args.ct))
    shape_px = full_shape_px(args.slide)
    check_aligned(image, shape_px, full_um, pixel_um, insist=args.insist)
    grey, measured = grey_levels(image.plane)
    shape = tuple(max(1, int(n * full_um / pixel_um + 1e-6)) for n in grey.shape)
    grid = PairGrid((shape[0], shape[1]), pixel_um, IDENTITY)
    ct = area_means(grey, full_um, grid)
    valid = area_means(measured, full_um, grid) > 1 - 1e-6
    level = coarsest_level_below(open_slide_pyramid(args.slide), pixel_um)
    pair_to_slide = np.eye(2, 3)
    slide = resample_slide(level.read(), level.pixel_size_um, pair_to_slide, grid, WHITE)
    scanned = level.read_measured()
    if scanned is not None:
        valid &= scanned_pixels(scanned, level.pixel_size_um, pair_to_slide, grid)
    ct = ct.round().astype(np.uint16)
    registration = Registration(
        sample=args.sample,
        volume=args.volume,
        pair_shape_px=grid.shape,
        pair_pixel_um=pixel_um,
        pair_to_volume=IDENTITY,
        slide_to_volume=IDENTITY,
        pair_to_slide=pair_to_slide,
        slide_px_to_um=stored_to_um(args.slide),
        mutual_information=mutual_information(ct[valid], slide.mean(axis=2)[valid]),
        margin=1.0,
        agreeing=0,
        searches=0,
        confidence=1.0,
        scale_x=0.0,
        scale_y=0.0,
        shear=0.0,
        rotation_deg=0.0,
        block=None,
        bone_dice=None,
        unsure=False,
        flags=[],
    )
    write_tfm(args.out / "slide_to_volume.tfm", IDENTITY)
    title = (
        f"{args.sample}   aligned before, not searched   MI {registration.mutual_information:.3f}"
    )
    draw_qc(args.out / "qc.png", ct, slide, valid, title, False)
    write_registration(args.out, ct, slide, valid, registration)


def grey_levels(plane: Plane) -> tuple[np.ndarray, np.ndarray]:
    """Read a grey image as levels of 16 bits.

    Parameters
    ----------
    plane : Plane

    Returns
    -------
    grey : ndarray of float, shape (y, x)
        0 to 65535; values of 16 bits keep their differences, those of 8 are spread over the 16
        (x 257), so that averages keep their fractions; others are scaled between two percentiles.
    measured : ndarray of float, shape (y, x)
        0 where the image holds no number, and where one value stands around a field with a sharp
        edge, as programs fill what lies outside a turned or round image; else 1.

    Raises
    ------
    InputError
        If the image cannot be decoded or is constant.
    """
    values = plane.read()
    measured = np.isfinite(values)
    if not measured.any() or np.ptp(values[measured]) == 0:
        raise InputError(f"{plane.path}: ct_image holds one value only; the file holds no image")
    for fill in find_fill([values]):
        if fill.kind == FILL:
            empty = unmeasured(values, [fill])
            measured &= ~empty
            log.info("%s: %g in %.2f %% of it is no data", plane.path, fill.value,
                     100 * empty.mean())  # fmt: skip
    if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
        spread = 257.0 if values.dtype.itemsize == 1 else 1.0
        return spread * (values.astype(float) - np.iinfo(values.dtype).min), measured.astype(float)
    low, high = np.percentile(values[measured].astype(float), PERCENTILES)
    scaled = (np.where(measured, values, low).astype(float) - low) * 65535 / max(high - low, 1e-300)
    return scaled.clip(0, 65535), measured.astype(float)


def area_means(image: np.ndarray, pixel_um: float, grid: PairGrid) -> np.ndarray:
    """Return the means (y, x) of an image over the areas of a grid's pixels, edges weighted.

    Parameters
    ----------
    image : ndarray of float, shape (y, x)
        Its first pixel's outer corner is the grid's.
    pixel_um : float
        Pixel size of the image, µm.
    grid : PairGrid
    """
    for axis, count in enumerate(grid.shape):
        image = np.moveaxis(image, axis, 0)
        edges = np.minimum(np.arange(count + 1) * grid.pixel_um / pixel_um, len(image))
        sums = np.concatenate([np.zeros_like(image[:1]), np.cumsum(image, axis=0)])
        whole = np.minimum(edges.astype(int), len(image) - 1)
        at_edges = sums[whole] + image[whole] * (edges - whole)[:, None]
        image = np.moveaxis(np.diff(at_edges, axis=0) / np.diff(edges)[:, None], 0, axis)
    return image


def mutual_information(grey: np.ndarray, brightness: np.ndarray) -> float:
    """Return the mutual information of two lists of values, nats, from a joint histogram."""
    joint = np.histogram2d(grey, brightness, bins=GREY_BINS)[0]
    joint /= max(joint.sum(), 1)
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    there = joint > 0
    return float((joint[there] * np.log(joint[there] / apart[there])).sum())
