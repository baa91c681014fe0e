"""The tissue class of each pixel of a registered pair."""

from enum import IntEnum

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.absorbance import clear_and_opaque, slide_absorbance
from virtual_staining.imaging.tissue.hull import large_pieces
from virtual_staining.imaging.tissue.implant_body import thick_body
from virtual_staining.imaging.tissue.rigid import faint_implant, rigid_ct
from virtual_staining.imaging.tissue.section_colour import rigid_by_colour
from virtual_staining.settings.mask import KEEP, MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

# Pixels within this distance of an implant mix its colour with the tissue's, px.
IMPLANT_RIM_PX = 2
# Tissue above this level, half-way from soft tissue to bone, is rigid. Noise is blurred by half a
# pixel at least; a wider blur rounds trabeculae off.
HALFWAY, SMOOTH_PX = 0.5, 0.5
# A degradation layer lies within this distance of its implant, µm, and takes no dye: in every
# colour it absorbs at least this share of what it absorbs in the strongest. Bone reaches 0.5, and
# brown soft tissue, which absorbs as evenly, is not dense.
LAYER_UM, EVEN_ABSORBANCE = 400.0, 0.68
# Least share of the dense pixels beside an implant that a layer takes. The rim, which is grey
# around any implant, does not count; so many pixels beyond the rim are looked at.
LEAST_LAYER, BESIDE_PX = 0.25, 2


class Tissue(IntEnum):
    """Value of a pixel of ``tissue.tif``."""

    OUTSIDE = 0
    """Outside the correspondence mask."""
    IMPLANT = 1
    """The implant: opaque on the section, or a thick dense body that the section has lost."""
    RIGID = 2
    """Stained tissue as dense in the CT as bone."""
    SOFT = 3
    """Stained tissue of lower density: soft tissue, marrow."""
    BACKGROUND = 4
    """Clear glass: gaps and vessels."""
    UNKNOWN = 5
    """Outside the mask, and nothing can be learned there: no data in the CT or on the section, left
    out by hand, or what the section has lost."""
    DEGRADATION = 6
    """The degradation layer of an implant: as dense as bone, and without dye on the section."""


def tissue_classes(
    ct: np.ndarray,
    slide: np.ndarray,
    mask: np.ndarray,
    valid: np.ndarray,
    pixel_um: float,
    settings: MaskSettings,
    normalize: NormalizeSettings,
) -> np.ndarray:
    """Tell implant, degradation layer, rigid tissue, soft tissue and background apart.

    The section tells what is opaque, stained or clear; the CT tells rigid from soft tissue, and
    where it is open, the section's colour does.

    Parameters
    ----------
    ct : ndarray of uint16, shape (y, x)
        Normalized CT.
    slide : ndarray of uint8, shape (y, x, 3)
        Normalized section.
    mask : ndarray of bool, shape (y, x)
        Correspondence mask (paper 2.8).
    valid : ndarray of bool, shape (y, x)
        Where both images hold data.
    pixel_um : float
        Pixel size, µm.
    settings : MaskSettings
    normalize : NormalizeSettings
        What the CT was normalized to.

    Returns
    -------
    ndarray of uint8, shape (y, x)
        Values of :class:`Tissue`.
    """
    absorbance = slide_absorbance(slide, valid, pixel_um, settings.smooth_um)
    clear, opaque = clear_and_opaque(absorbance, valid, settings.opaque_absorbance)
    sigma_px = max(settings.smooth_um / pixel_um, SMOOTH_PX)
    span = normalize.bone_mean - normalize.background_mean
    grey = ndimage.gaussian_filter(ct.astype(np.float32), sigma_px)
    level = (grey - normalize.background_mean) / span
    dense = level > HALFWAY
    implant = large_pieces(opaque & valid, pixel_um, settings)
    if not implant.any():  # the section has lost the implant and shows clear glass in its place
        solid = dense | faint_implant(ct, pixel_um, settings, normalize)
        implant = thick_body(clear & solid & valid, pixel_um)
    stained = mask & valid & ~clear & ~opaque
    rigid = rigid_by_colour(
        slide, level, dense, stained, implant | opaque, settings.smooth_um / pixel_um
    )
    classes = np.where(rigid, Tissue.RIGID, Tissue.SOFT).astype(np.uint8)
    classes[degradation(absorbance, dense & ~clear, implant, pixel_um)] = Tissue.DEGRADATION
    classes[clear] = Tissue.BACKGROUND
    classes[implant] = Tissue.IMPLANT
    classes[~mask] = Tissue.OUTSIDE
    classes[~valid] = Tissue.UNKNOWN
    return classes


def degradation(
    absorbance: np.ndarray, dense: np.ndarray, implant: np.ndarray, pixel_um: float
) -> np.ndarray:
    """Find the corrosion products of an implant: dense matter near the implant without dye.

    Parameters
    ----------
    absorbance : ndarray, shape (y, x, 3)
        Of the section.
    dense : ndarray of bool, shape (y, x)
        What is as dense as bone in the CT and not clear on the section.
    implant : ndarray of bool, shape (y, x)
    pixel_um : float
        Pixel size, µm.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    if not implant.any():
        return implant
    apart = ndimage.distance_transform_edt(~implant)
    even = absorbance.min(axis=-1) > EVEN_ABSORBANCE * absorbance.max(axis=-1)
    layer = dense & even & ~implant & (apart * pixel_um <= LAYER_UM)
    beside = dense & (apart > IMPLANT_RIM_PX) & (apart <= IMPLANT_RIM_PX + BESIDE_PX)
    if not beside.any() or layer[beside].mean() < LEAST_LAYER:
        return np.zeros_like(implant)
    return layer


def lost_pieces(
    classes: np.ndarray,
    ct: np.ndarray,
    slide: np.ndarray,
    valid: np.ndarray,
    pixel_um: float,
    settings: MaskSettings,
    normalize: NormalizeSettings,
) -> np.ndarray:
    """Find what the section has lost in cutting: clear glass where the CT shows bone or implant.

    Such places differ physically (paper 2.8), and a network that is trained on them learns to
    invent holes.

    Parameters
    ----------
    classes : ndarray of uint8, shape (y, x)
        From :func:`tissue_classes`.
    ct, slide, valid, pixel_um, settings, normalize
        As in :func:`tissue_classes`; with ``holes: keep`` the place of an implant that the section
        has lost is not among them.

    Returns
    -------
    ndarray of bool, shape (y, x)
        Pieces that are thicker than ``min_thickness_um``, which cracks and canals are not, with
        their thin ends.
    """
    absorbance = slide_absorbance(slide, valid, pixel_um, settings.smooth_um)
    clear, _ = clear_and_opaque(absorbance, valid, settings.opaque_absorbance)
    lost = clear & valid & rigid_ct(ct, pixel_um, settings, normalize)
    if settings.holes == KEEP:
        lost &= classes != Tissue.IMPLANT
    thick = large_pieces(lost, pixel_um, settings)
    if not thick.any():
        return thick
    return lost & (ndimage.distance_transform_edt(~thick) * pixel_um <= settings.min_thickness_um)


def stained_tissue(classes: np.ndarray) -> np.ndarray:
    """Return where there is stained tissue, without the implant's rim.

    Parameters
    ----------
    classes : ndarray of uint8, shape (y, x)
        From :func:`tissue_classes`.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    tissue = np.isin(classes, (Tissue.RIGID, Tissue.DEGRADATION, Tissue.SOFT))
    rim = ndimage.binary_dilation(classes == Tissue.IMPLANT, iterations=IMPLANT_RIM_PX)
    return tissue & ~rim
