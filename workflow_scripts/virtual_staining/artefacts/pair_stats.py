"""What `normalize` measured and applied: stats.json of a normalized pair.

Later stages read the CT's scaling (`stain`) and the mean background (`infer`, `evaluate`,
`figures`) from the file. The file's content decides whether volumes are stained anew, so the file
does not name the version of the program that wrote it.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.storage.document import read_document, write_document
from virtual_staining.errors import InputError

FORMAT = 1
REMEDY = "normalize this pair again"


@dataclass(frozen=True)
class CTStats:
    """Normalized CT is ``scale`` · CT + ``offset``; the others are mean grey levels of regions."""

    scale: float
    offset: float
    bone_mean_before: float
    background_mean_before: float
    bone_mean_after: float
    background_mean_after: float


@dataclass(frozen=True)
class SlideStats:
    """Gains of R, G, B, then a stretch of ``f_min`` to ``f_max`` to 0 to 255; 8-bit levels.

    ``background_rgb_before`` and ``background_after_rgb`` are mean colours of the background;
    ``clipped_fraction`` tells for each tissue the fractions of its pixels outside these bounds, in
    each channel and in ``any``.
    """

    background_rgb_before: list[float]
    gains: list[float]
    f_min: float
    f_max: float
    background_after_rgb: list[float]
    clipped_fraction: dict[str, dict[str, float]]


@dataclass(frozen=True)
class RegionStats:
    """Who chose the regions (``annotations`` or ``automatic``) and their sizes, pixels.

    ``tissue_px`` holds the sizes of the tissues whose clipped fractions are counted.
    """

    reference_class: str
    reference_source: str
    background_source: str
    reference_px: int
    background_px: int
    ct_background_px: int
    new_bone_px: int
    tissue_px: dict[str, int]


@dataclass(frozen=True)
class PairStats:
    """The content of ``stats.json``.

    ``ct_background_after`` is the grey level that the CT's background was brought to; ``warnings``
    are sentences on what is doubtful.
    """

    ct: CTStats
    slide: SlideStats
    ct_background_after: float
    roi: RegionStats
    warnings: list[str]


def write_stats(path: str | Path, stats: PairStats) -> None:
    """Write ``stats.json``, atomically."""
    write_document(path, FORMAT, asdict(stats))


def read_ct_scaling(path: str | Path) -> tuple[float, float]:
    """Return scale and offset of a pair's CT from its ``stats.json``.

    Raises
    ------
    InputError
        If the file is missing or lacks the CT block, or the scale is not a positive number.
    """
    values = read_document(path, FORMAT, REMEDY).values
    try:
        scale, offset = (float(values["ct"][key]) for key in ("scale", "offset"))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no ct scale and offset ({error!r}); {REMEDY}") from error
    if not (scale > 0 and np.isfinite([scale, offset]).all()):
        raise InputError(f"{path}: ct scale {scale} and offset {offset} are not usable; {REMEDY}")
    return scale, offset


def read_reference_levels(path: str | Path) -> tuple[float, float]:
    """Return the grey levels of background and reference tissue of a normalized CT, 16-bit.

    Raises
    ------
    InputError
        If the file is missing or lacks these levels, or the tissue is not brighter.
    """
    values = read_document(path, FORMAT, REMEDY).values
    try:
        background, bone = float(values["ct_background_after"]), values["ct"]["bone_mean_after"]
        if not background < float(bone):
            raise ValueError(f"the background's {background} is not below the tissue's {bone}")
        return background, float(bone)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no levels of air and bone ({error!r}); {REMEDY}") from error


def read_background_levels(path: str | Path) -> tuple[int, np.ndarray]:
    """Return a normalized pair's mean background from its ``stats.json``.

    Returns
    -------
    ct : int
        Grey level, uint16 units.
    slide : ndarray, shape (3,), uint8
        Colour.

    Raises
    ------
    InputError
        If the file is missing or lacks these levels.
    """
    values = read_document(path, FORMAT, REMEDY).values
    try:
        rgb = np.array(values["slide"]["background_after_rgb"], float).reshape(3)
        return round(values["ct_background_after"]), rgb.round().astype(np.uint8)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no background level stored ({error!r}); {REMEDY}") from error
