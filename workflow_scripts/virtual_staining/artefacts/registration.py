"""What `register section` leaves for later stages: the registered pair and its transform.json.

A registered pair is a folder with ``ct.tif``, ``slide.tif`` and ``valid.tif``, which have one size
and one pixel size, and ``transform.json``, which says where the pair lies in the volume and on the
slide, and how reliable the registration is.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from virtual_staining import __version__
from virtual_staining.artefacts.folders import RegisteredFolder
from virtual_staining.artefacts.storage.document import Document, read_document, write_document
from virtual_staining.artefacts.storage.image import read_image, write_image
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap
from virtual_staining.imaging.measured import find_fill, unmeasured
from virtual_staining.imaging.polygons import slide_px_to_pair_px
from virtual_staining.readers.annotations import (
    BACKGROUND,
    EXCLUDE,
    Drawn,
    class_masks,
    drawn_masks,
)

FORMAT = 1
REMEDY = "register this sample again"


@dataclass(frozen=True)
class Registration:
    """The registration of one section: the fields are the keys of ``transform.json``.

    Parameters
    ----------
    sample, volume : str
        Ids.
    pair_shape_px : (rows, columns)
        Size of the pair.
    pair_pixel_um : float
        Pixel size of the pair, µm.
    pair_to_volume, slide_to_volume : SectionMap
        µm on the pair and on the ingested slide to µm in the volume.
    pair_to_slide : ndarray, shape (2, 3)
        µm (x, y, 1) on the pair to µm (x, y) on the slide.
    slide_px_to_um : ndarray, shape (2, 3)
        Pixels (x, y, 1) of the original slide, as its file stores them, to µm on the slide.
    mutual_information : float
        At the finest scale, nats.
    margin : float
        Fraction of the mutual information by which the best other place stays behind.
    agreeing, searches : int
        Number of independent searches, and how many of them ended at this result.
    confidence : float
        0 to 1.
    scale_x, scale_y, shear : float
        Distortion of the section; 0 for none.
    rotation_deg : float
        Angle between the section's axes and the volume's x and y axes, degrees.
    block : mapping or None
        Figures of the orientation that the sections of a block share, if this one is in a block.
    bone_dice : float or None
        Dice coefficient of bright CT and the slide's bright colours; None if it is not defined.
    unsure : bool
        Whether the confidence is below ``register.min_confidence``.
    flags : list of str
        One sentence for each doubt.
    """

    sample: str
    volume: str
    pair_shape_px: tuple[int, int]
    pair_pixel_um: float
    pair_to_volume: SectionMap
    slide_to_volume: SectionMap
    pair_to_slide: np.ndarray
    slide_px_to_um: np.ndarray
    mutual_information: float
    margin: float
    agreeing: int
    searches: int
    confidence: float
    scale_x: float
    scale_y: float
    shear: float
    rotation_deg: float
    block: Mapping | None
    bone_dice: float | None
    unsure: bool
    flags: list[str]


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


def write_registration(
    folder: Path, ct: np.ndarray, slide: np.ndarray, valid: np.ndarray, registration: Registration
) -> None:
    """Write ``ct.tif``, ``slide.tif``, ``valid.tif`` and, last, ``transform.json``.

    Parameters
    ----------
    folder : Path
        Folder of the sample, ``02_register/{sample}``.
    ct, slide, valid : ndarray
        As in :class:`RegisteredPair`.
    registration : Registration
    """
    files, pixel_um = RegisteredFolder(folder), registration.pair_pixel_um
    write_image(files.ct, ct, pixel_um)
    write_image(files.slide, slide, pixel_um)
    write_image(files.valid, valid.astype(np.uint8) * 255, pixel_um)
    keys = [field.name for field in fields(Registration)]
    values = {key: _json_value(getattr(registration, key)) for key in keys}
    write_document(files.transform, FORMAT, {"version": __version__, **values})


def _json_value(value: object) -> object:
    if isinstance(value, SectionMap):
        return value.to_dict()
    return value.tolist() if isinstance(value, np.ndarray) else value


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
        _affine(document, key) for key in ("slide_px_to_um", "pair_to_slide")
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


def read_section_map(path: str | Path) -> tuple[SectionMap, np.ndarray]:
    """Read where a section lies from its ``transform.json``.

    Returns
    -------
    section : SectionMap
        Slide µm to volume µm.
    slide_px_to_um : ndarray, shape (2, 3)
        Pixels of the original slide, as its file stores them, to slide µm.

    Raises
    ------
    InputError
        If the file is missing or lacks either; the message names the file and the key.
    """
    document = read_document(path, FORMAT, REMEDY)
    section = document.value("slide_to_volume", dict, "an object with origin_um, u and v")
    slide_to_volume = SectionMap.from_dict(section, f"{path}: slide_to_volume")
    return slide_to_volume, _affine(document, "slide_px_to_um")


def read_pair_grid(path: str | Path) -> PlaneGrid:
    """Read where the pixels of a pair lie in the volume from a ``transform.json``.

    A file of :func:`write_pair_grid` is read as well.

    Raises
    ------
    InputError
        If the file is missing, lacks a key or describes no plane; the message names file and key.
    """
    document = read_document(path, FORMAT, REMEDY)
    section = document.value("pair_to_volume", dict, "an object with origin_um, u and v")
    to_volume = SectionMap.from_dict(section, f"{path}: pair_to_volume")
    frame = np.stack([to_volume.u, to_volume.v])
    if not np.allclose(frame @ frame.T, np.eye(2), atol=1e-3):
        raise InputError(f"{path}: pair_to_volume: u and v must be orthogonal unit vectors")
    pixel_um = document.value("pair_pixel_um", (int, float), "a number")
    shape = document.value("pair_shape_px", list, "two whole numbers")
    if len(shape) != 2 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise InputError(f"{path}: pair_shape_px: {shape} must be two whole numbers; {REMEDY}")
    if not 0 < pixel_um < math.inf:
        raise InputError(f"{path}: pair_pixel_um: {pixel_um} must be positive; {REMEDY}")
    return PlaneGrid((shape[0], shape[1]), float(pixel_um), to_volume)


def read_confidence(path: str | Path) -> float:
    """Read how reliable a registration is, 0 to 1, from its ``transform.json``.

    Raises
    ------
    InputError
        If the file is missing or lacks the number.
    """
    document = read_document(path, FORMAT, REMEDY)
    return float(document.value("confidence", (int, float), "a number"))


def read_volume_id(path: str | Path) -> str:
    """Read in which volume a section lies from its ``transform.json``.

    Raises
    ------
    InputError
        If the file is missing or lacks the id.
    """
    return str(read_document(path, FORMAT, REMEDY).value("volume", str, "an id"))


def write_pair_grid(path: str | Path, grid: PlaneGrid, more: Mapping[str, object]) -> None:
    """Write where the pixels of a plane lie, with the keys of ``transform.json`` and some more."""
    place = {
        "version": __version__,
        "pair_shape_px": list(grid.shape),
        "pair_pixel_um": grid.pixel_um,
        "pair_to_volume": grid.to_volume.to_dict(),
    }
    write_document(path, FORMAT, {**place, **more})


def _affine(document: Document, key: str) -> np.ndarray:
    words = "two rows of three numbers"
    rows = document.value(key, list, words)
    try:
        matrix = np.array(rows, float).reshape(2, 3)
    except (TypeError, ValueError) as error:
        raise InputError(f"{document.path}: {key}: must be {words}; {REMEDY}") from error
    if not abs(np.linalg.det(matrix[:, :2])) > 0:
        raise InputError(f"{document.path}: {key}: must be invertible; {REMEDY}")
    return matrix
