"""The registered pair that stages 03 and 04 read, and what was drawn on it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.registration_place import FORMAT, REMEDY, affine
from virtual_staining.artefacts.storage.document import read_document
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.errors import InputError
from virtual_staining.imaging.measured import find_fill, unmeasured
from virtual_staining.imaging.polygons import slide_px_to_pair_px
from virtual_staining.readers.annotations import (
    BACKGROUND,
    EXCLUDE,
    Drawn,
    class_masks,
    drawn_masks,
)


@dataclass(frozen=True)
class RegisteredPair:
    """A registered pair in memory.

    Parameters
    ----------
    ct : ndarray, shape (y, x)
        Grey levels of the volume in the section's plane.
    slide : ndarray, shape (y, x, 3), uint8
        The section.
    valid : ndarray, shape (y, x), bool
        True where volume and slide both hold data.
    pixel_um : float
        Pixel size, µm.
    slide_px_to_pair_px : ndarray, shape (2, 3)
        Pixels (x, y, 1) of the original slide to pixels (x, y) of the pair.
    """

    ct: np.ndarray
    slide: np.ndarray
    valid: np.ndarray
    pixel_um: float
    slide_px_to_pair_px: np.ndarray


def read_registered_pair(
    ct_path: str | Path, slide_path: str | Path, valid_path: str | Path, transform_path: str | Path
) -> RegisteredPair:
    """Read a registered pair from its four files.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the images are not of one size.

    Notes
    -----
    The registration marks what the volume did not measure in ``valid.tif``. A pair from another
    program may hold fill around the plane's field; it is found here and not valid either.
    """
    ct, slide, valid = (read_image(path) for path in (ct_path, slide_path, valid_path))
    if ct.ndim != 2:
        raise InputError(f"{ct_path}: must be a grey image, has shape {ct.shape}")
    for path, image, wanted in ((slide_path, slide, (*ct.shape, 3)), (valid_path, valid, ct.shape)):
        if image.shape != wanted:
            raise InputError(f"{path}: shape {image.shape} does not fit the CT; expected {wanted}")
    document = read_document(transform_path, FORMAT, REMEDY)
    pixel_um = document.value("pair_pixel_um", (int, float), "a number")
    if not 0 < pixel_um < math.inf:
        raise InputError(f"{transform_path}: pair_pixel_um: {pixel_um} must be positive; {REMEDY}")
    slide_px_to_um, pair_to_slide = (
        affine(document, key) for key in ("slide_px_to_um", "pair_to_slide")
    )
    to_pair_px = slide_px_to_pair_px(slide_px_to_um, pair_to_slide, pixel_um)
    valid = (valid > 0) & ~unmeasured(ct, find_fill([ct]))
    return RegisteredPair(ct, slide, valid, float(pixel_um), to_pair_px)


def drawn_regions(
    annotations: str, pair: RegisteredPair, reference_class: str, on_ct: bool = False
) -> dict[str, np.ndarray]:
    """Read the regions drawn on the slide or on the CT plane and bring them to the pair's grid.

    Parameters
    ----------
    annotations : str
        Path of a QuPath GeoJSON; empty where nothing was drawn. A last ``!`` is left out.
    pair : RegisteredPair
    reference_class : str
        Class name of the reference tissue.
    on_ct : bool
        Whether they were drawn on the pair's ``ct.tif``, not on the slide.

    Returns
    -------
    dict
        Class name (``reference_class``, Background, Exclude) to bool array (y, x); empty without
        annotations.

    Raises
    ------
    InputError
        As in :func:`virtual_staining.readers.annotations.class_masks`.
    """
    if not annotations:
        return {}
    classes = (reference_class, BACKGROUND, EXCLUDE)
    to_pair_px = np.eye(2, 3) if on_ct else pair.slide_px_to_pair_px
    return class_masks(annotations.removesuffix("!"), classes, to_pair_px, pair.ct.shape)


def drawn_polygons(
    annotations: str, pair: RegisteredPair, reference_class: str, on_ct: bool = False
) -> Iterator[tuple[Drawn, np.ndarray]]:
    """Yield each polygon of :func:`drawn_regions` with its own pixels, bool (y, x)."""
    if annotations:
        classes = (reference_class, BACKGROUND, EXCLUDE)
        to_pair_px = np.eye(2, 3) if on_ct else pair.slide_px_to_pair_px
        yield from drawn_masks(annotations.removesuffix("!"), classes, to_pair_px, pair.ct.shape)
