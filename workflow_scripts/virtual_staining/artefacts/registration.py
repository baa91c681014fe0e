"""What `register section` leaves for later stages: the registered pair and its transform.json.

A registered pair is a folder with ``ct.tif``, ``slide.tif`` and ``valid.tif``, which have one size
and one pixel size, and ``transform.json``, which says where the pair lies in the volume and on the
slide, and how reliable the registration is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from virtual_staining import __version__
from virtual_staining.artefacts.folders import RegisteredFolder
from virtual_staining.artefacts.registration_place import FORMAT
from virtual_staining.artefacts.storage.document import write_document
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.imaging.geometry import SectionMap


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


def write_registration(
    folder: Path, ct: np.ndarray, slide: np.ndarray, valid: np.ndarray, registration: Registration
) -> None:
    """Write ``ct.tif``, ``slide.tif``, ``valid.tif`` and, last, ``transform.json``.

    Parameters
    ----------
    folder : Path
        Folder of the sample, ``02_register/{sample}``.
    ct, slide, valid : ndarray
        As in :class:`virtual_staining.artefacts.registered_pair.RegisteredPair`.
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
