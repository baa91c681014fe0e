"""What `register` leaves for later stages: the resampled pair and its transform.json."""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.readers.annotations import BACKGROUND, EXCLUDE, class_masks


@dataclass(frozen=True)
class RegisteredPair:
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


def read_pair(args: argparse.Namespace) -> RegisteredPair:
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
    return RegisteredPair(ct, slide, valid > 0, transform)


def drawn_regions(
    args: argparse.Namespace, pair: RegisteredPair, reference_class: str
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
        As in :func:`virtual_staining.readers.annotations.class_masks`.
    """
    if not args.annotations:
        return {}
    classes = (reference_class, BACKGROUND, EXCLUDE)
    return class_masks(args.annotations, classes, pair.transform, pair.ct.shape)


def read_map(path: str | Path) -> tuple[SectionMap, np.ndarray]:
    """Read a ``transform.json``.

    Returns
    -------
    section : SectionMap
        Slide µm to volume µm.
    px_to_um : ndarray, shape (2, 3)
        Pixels of the original slide, as its file stores them, to slide µm.

    Raises
    ------
    InputError
        If the file is missing or lacks either; the message names it.
    """
    values = read_json(path)
    try:
        section, px_to_um = values["slide_to_volume"], np.array(values["slide_px_to_um"], float)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: needs slide_to_volume and slide_px_to_um; "
            "give a transform.json that `register section` wrote"
        ) from error
    if px_to_um.shape != (2, 3) or not np.abs(np.linalg.det(px_to_um[:, :2])) > 0:
        raise InputError(f"{path}: slide_px_to_um: must be two rows of three numbers, invertible")
    return SectionMap.from_dict(section, f"{path}: slide_to_volume"), px_to_um
