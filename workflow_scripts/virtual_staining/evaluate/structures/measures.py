"""Areas, contacts and rings of a slide whose pixels have structure classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from scipy import ndimage


class Structure(IntEnum):
    """Class of a pixel."""

    OUTSIDE = 0
    IMPLANT = 1
    BONE = 2
    NEW_BONE = 3
    SOFT = 4
    VOID = 5


@dataclass(frozen=True)
class Measure:
    """A column of the table, with its printed name, unit and formula."""

    column: str
    name: str
    unit: str
    formula: str


def measures(rings_um: Sequence[float], gap_px: float) -> list[Measure]:
    """Return what :func:`measure_structures` measures.

    Parameters
    ----------
    rings_um : sequence of float
        Outer radii of the rings around the implant, rising, µm.
    gap_px : float
        Bone this near to the implant touches it, pixels.
    """
    found = [
        Measure(
            "contact_percent",
            "BIC",
            "%",
            f"implant boundary with bone within {gap_px:g} pixels / implant boundary",
        ),
        Measure("implant_mm2", "Residual metal", "mm²", "area of the implant"),
    ]
    for inner, outer in pairwise([0, *rings_um]):
        ring, place = f"{inner:g}_{outer:g}um", f"{inner:g}–{outer:g} µm"
        found += [
            Measure(
                f"bone_percent_{ring}", f"BV/TV {place}", "%", "bone / all but implant in the ring"
            ),
            Measure(
                f"new_bone_percent_{ring}", f"New bone {place}", "%", "new bone / bone in the ring"
            ),
        ]
    return found


def measure_structures(
    structures: np.ndarray, pixel_um: float, rings_um: Sequence[float], gap_um: float
) -> dict[str, float]:
    """Measure one slide.

    Parameters
    ----------
    structures : ndarray of uint8, shape (y, x)
        Values of :class:`Structure`; what lies outside the mask takes no part.
    pixel_um : float
        Pixel size, µm.
    rings_um : sequence of float
        As in :func:`measures`.
    gap_um : float
        Bone this near to the implant touches it, µm.

    Returns
    -------
    dict
        Column of each measure to its value; NaN where it is not defined, such as all but the area
        where there is no implant. Distances are measured between pixel centres, so a contact is
        counted from the boundary pixels of the implant.
    """
    implant = structures == Structure.IMPLANT
    bone = np.isin(structures, (Structure.BONE, Structure.NEW_BONE))
    values = {
        "contact_percent": bone_contact_percent(structures, pixel_um, gap_um),
        "implant_mm2": implant.sum() * (pixel_um / 1000) ** 2,
    }
    distance_um = np.full(structures.shape, np.inf)
    if implant.any():
        # A pixel's edge is half a pixel nearer than its centre.
        distance_um = (ndimage.distance_transform_edt(~implant) - 0.5) * pixel_um
    tissue = (structures != Structure.OUTSIDE) & ~implant
    for inner, outer in pairwise([0, *rings_um]):
        ring = tissue & (distance_um > inner) & (distance_um <= outer)
        name = f"{inner:g}_{outer:g}um"
        values[f"bone_percent_{name}"] = _percent(bone & ring, ring)
        values[f"new_bone_percent_{name}"] = _percent(
            (structures == Structure.NEW_BONE) & ring, bone & ring
        )
    return values


def bone_contact_percent(structures: np.ndarray, pixel_um: float, gap_um: float) -> float:
    """Bone-implant contact: part of the implant's boundary with bone within a gap, percent.

    The boundary is the implant's pixels beside other pixels of the mask.
    """
    implant = structures == Structure.IMPLANT
    tissue = (structures != Structure.OUTSIDE) & ~implant
    boundary = implant & ndimage.binary_dilation(tissue)
    bone = np.isin(structures, (Structure.BONE, Structure.NEW_BONE))
    if not bone.any():
        return 0.0 if boundary.any() else float("nan")
    distance_um = ndimage.distance_transform_edt(~bone) * pixel_um
    return _percent(boundary & (distance_um <= gap_um + pixel_um), boundary)


def _percent(part: np.ndarray, whole: np.ndarray) -> float:
    return 100 * float(part.sum() / whole.sum()) if whole.any() else float("nan")
