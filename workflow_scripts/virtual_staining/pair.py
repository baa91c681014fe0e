"""A registered pair as the stages after registration read it."""

import argparse
from dataclasses import dataclass

import numpy as np

from virtual_staining.annotations import BACKGROUND, EXCLUDE, class_masks
from virtual_staining.errors import InputError
from virtual_staining.files import read_image, read_json


@dataclass(frozen=True)
class Pair:
    """CT plane (y, x), section (y, x, 3) uint8, ``valid`` (y, x) bool and ``transform.json``."""

    ct: np.ndarray
    slide: np.ndarray
    valid: np.ndarray
    transform: dict

    @property
    def pixel_um(self) -> float:
        """Pixel size of the pair, µm."""
        return float(self.transform["pair_pixel_um"])


def add_pair_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the pair's files."""
    parser.add_argument("--ct", required=True, help="CT plane (ct.tif)")
    parser.add_argument("--slide", required=True, help="section (slide.tif)")
    parser.add_argument("--valid", required=True, help="where both hold data (valid.tif)")
    parser.add_argument("--transform", required=True, help="transform.json of the registration")
    parser.add_argument("--annotations", default="", help="QuPath GeoJSON; may be left out")


def read_pair(args: argparse.Namespace) -> Pair:
    """Read a pair's four files.

    Raises
    ------
    InputError
        If a file is missing or damaged, or the images are not of one size.
    """
    ct, slide, valid = (read_image(path) for path in (args.ct, args.slide, args.valid))
    transform = read_json(args.transform)
    for key in ("slide_px_to_um", "pair_to_slide", "pair_pixel_um"):
        if key not in transform:
            raise InputError(f"{args.transform}: {key}: is missing; register the pair again")
    if ct.ndim != 2:
        raise InputError(f"{args.ct}: must be a grey image, has shape {ct.shape}")
    for path, image, wanted in (
        (args.slide, slide, (*ct.shape, 3)),
        (args.valid, valid, ct.shape),
    ):
        if image.shape != wanted:
            raise InputError(f"{path}: shape {image.shape} does not fit the CT; expected {wanted}")
    return Pair(ct, slide, valid > 0, transform)


def drawn_regions(
    args: argparse.Namespace, pair: Pair, reference_class: str
) -> dict[str, np.ndarray]:
    """Read the annotations and bring them to the pair's grid.

    Returns
    -------
    dict
        Class name (``reference_class``, Background, Exclude) to bool array (y, x); empty without
        annotations.

    Raises
    ------
    InputError
        As in :func:`virtual_staining.annotations.class_masks`.
    """
    if not args.annotations:
        return {}
    classes = (reference_class, BACKGROUND, EXCLUDE)
    return class_masks(args.annotations, classes, pair.transform, pair.ct.shape)
