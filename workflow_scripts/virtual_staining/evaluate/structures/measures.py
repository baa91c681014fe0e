"""Areas, contacts and rings of slides, or of volumes, whose pixels have structure classes."""

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
    DEGRADED = 6


@dataclass(frozen=True)
class Measure:
    """A column of the table, with its printed name, unit and formula."""

    column: str
    name: str
    unit: str
    formula: str


# Implants in pieces: a piece counts from this part of the largest on.
LEAST_PIECE = 0.05


def measures(rings_um: Sequence[float], gap_px: float, dimensions: int = 2) -> list[Measure]:
    """Return what :func:`measure_structures` measures.

    Parameters
    ----------
    rings_um : sequence of float
        Outer radii of the rings around the implant, rising, µm.
    gap_px : float
        Bone this near to the implant touches it, pixels.
    dimensions : int
        2 for slides, 3 for volumes.
    """
    content, power, pixels = (
        ("area", "²", "pixels") if dimensions == 2 else ("volume", "³", "voxels")
    )
    boundary = "boundary of implant and degradation layer"
    found = [
        Measure(
            "contact_percent",
            "BIC",
            "%",
            f"{boundary} with bone within {gap_px:g} {pixels} / this boundary",
        ),
        Measure(
            f"implant_mm{dimensions}", "Residual metal", f"mm{power}", f"{content} of the implant"
        ),
        Measure(
            f"degraded_mm{dimensions}",
            "Degradation layer",
            f"mm{power}",
            f"{content} of the dark layer on the implant",
        ),
        Measure(
            "degraded_um",
            "Thickness of the degradation layer",
            "µm",
            "twice the mean distance of the layer from the implant",
        ),
    ]
    for inner, outer in pairwise([0, *rings_um]):
        ring, place = f"{inner:g}_{outer:g}um", f"{inner:g}–{outer:g} µm"
        found += [
            Measure(
                f"bone_percent_{ring}",
                f"BV/TV {place}",
                "%",
                "bone / all in the ring around implant and degradation layer",
            ),
            Measure(
                f"new_bone_percent_{ring}", f"New bone {place}", "%", "new bone / bone in the ring"
            ),
        ]
    return found


def measure_structures(
    structures: np.ndarray, pixel_um: float, rings_um: Sequence[float], gap_um: float
) -> dict[str, float]:
    """Measure one slide or one volume.

    Parameters
    ----------
    structures : ndarray of uint8, shape (y, x) or (z, y, x)
        Values of :class:`Structure`; what lies outside the mask takes no part.
    pixel_um : float
        Pixel or voxel size, µm.
    rings_um : sequence of float
        As in :func:`measures`.
    gap_um : float
        Bone this near to the implant touches it, µm.

    Returns
    -------
    dict
        Column of each measure to its value; NaN where it is not defined, such as all but the areas
        where there is no implant. Distances are measured between pixel centres, so a contact is
        counted from the boundary pixels of the implant.
    """
    metal, layer = structures == Structure.IMPLANT, structures == Structure.DEGRADED
    bone = np.isin(structures, (Structure.BONE, Structure.NEW_BONE))
    content, dimensions = (pixel_um / 1000) ** structures.ndim, structures.ndim
    values = {
        "contact_percent": bone_contact_percent(structures, pixel_um, gap_um),
        f"implant_mm{dimensions}": metal.sum() * content,
        f"degraded_mm{dimensions}": layer.sum() * content,
        "degraded_um": layer_thickness_um(metal, layer, pixel_um),
    }
    distance_um = distance_from_um(metal | layer, pixel_um)
    tissue = (structures != Structure.OUTSIDE) & ~metal & ~layer
    for inner, outer in pairwise([0, *rings_um]):
        ring = tissue & (distance_um > inner) & (distance_um <= outer)
        name = f"{inner:g}_{outer:g}um"
        values[f"bone_percent_{name}"] = _percent(bone & ring, ring)
        values[f"new_bone_percent_{name}"] = _percent(
            (structures == Structure.NEW_BONE) & ring, bone & ring
        )
    return values


def distance_from_um(body: np.ndarray, pixel_um: float) -> np.ndarray:
    """Return the distance of each pixel's centre from the edge of a body, infinite without one."""
    if not body.any():
        return np.full(body.shape, np.inf, np.float32)
    # A pixel's edge is half a pixel nearer than its centre.
    return (ndimage.distance_transform_edt(~body).astype(np.float32) - 0.5) * pixel_um


def layer_thickness_um(metal: np.ndarray, layer: np.ndarray, pixel_um: float) -> float:
    """Return the mean thickness of a layer on the metal, µm.

    A layer of thickness t lies t / 2 from the metal on average, in sections and in volumes alike,
    and whatever the metal's form. NaN without metal; 0 without a layer.
    """
    if not metal.any():
        return float("nan")
    return 2 * float(distance_from_um(metal, pixel_um)[layer].mean()) if layer.any() else 0.0


def bone_contact_percent(structures: np.ndarray, pixel_um: float, gap_um: float) -> float:
    """Bone-implant contact: part of the boundary with bone within a gap, percent.

    The boundary is the pixels of the implant and its degradation layer beside other pixels of the
    mask.
    """
    body = np.isin(structures, (Structure.IMPLANT, Structure.DEGRADED))
    tissue = (structures != Structure.OUTSIDE) & ~body
    boundary = body & ndimage.binary_dilation(tissue)
    bone = np.isin(structures, (Structure.BONE, Structure.NEW_BONE))
    if not bone.any():
        return 0.0 if boundary.any() else float("nan")
    distance_um = ndimage.distance_transform_edt(~bone) * pixel_um
    return _percent(boundary & (distance_um <= gap_um + pixel_um), boundary)


def tidied(structures: np.ndarray) -> np.ndarray:
    """Take out dark pixels that are no implant and no layer on it.

    Small dark pieces apart from the implant are shadows or pigment; those that its degradation
    layer holds are what is left of the metal. A layer is at least 3 pixels thick and lies on the
    implant: thinner ones are the mixed pixels of the implant's edge. What is taken out becomes what
    is nearest.

    Parameters
    ----------
    structures : ndarray of uint8, shape (y, x) or (z, y, x)
    """
    near = ndimage.generate_binary_structure(structures.ndim, structures.ndim)
    pieces, number = ndimage.label(structures == Structure.IMPLANT, near)
    sizes = np.bincount(pieces.ravel(), minlength=number + 1)
    sizes[0] = 0
    large = (sizes >= max(LEAST_PIECE * sizes.max(), 1))[pieces]
    layer = structures == Structure.DEGRADED
    layer &= ndimage.binary_dilation(ndimage.binary_opening(layer, near), near)
    body = (structures == Structure.IMPLANT) | layer
    kept = ndimage.binary_propagation(large, near, body) if large.any() else large
    wrong = np.isin(structures, (Structure.IMPLANT, Structure.DEGRADED)) & ~kept
    if not wrong.any():
        return structures
    settled = (structures != Structure.OUTSIDE) & ~wrong
    if not settled.any():
        return np.where(wrong, np.uint8(Structure.SOFT), structures)
    places = ndimage.distance_transform_edt(~settled, return_distances=False, return_indices=True)
    return np.where(wrong, structures[tuple(places)], structures)


def _percent(part: np.ndarray, whole: np.ndarray) -> float:
    return 100 * float(part.sum() / whole.sum()) if whole.any() else float("nan")
