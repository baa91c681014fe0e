"""The tissue class of each pixel of a registered pair."""

from enum import IntEnum

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.absorbance import clear_and_opaque, slide_absorbance, smoothed
from virtual_staining.imaging.tissue.hull import large_pieces
from virtual_staining.imaging.tissue.regions import IMPLANT_HALF_THICKNESS_UM
from virtual_staining.imaging.tissue.rigid import faint_implant, rigid_ct
from virtual_staining.imaging.tissue.section_colour import rigid_by_colour
from virtual_staining.settings.mask import KEEP, MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

# Pixels within this distance of an implant mix its colour with the tissue's, px.
IMPLANT_RIM_PX = 2
# The core of the thickest rigid body lies at least this deep, as a fraction of the deepest place.
CORE_DEPTH = 0.7
# Grey levels of one implant differ by at most this fraction of its level above the background.
LEVEL_REACH = 0.15
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


def thick_body(region: np.ndarray, pixel_um: float) -> np.ndarray:
    """Keep the parts of a region that are as thick as an implant, with their outline's details.

    Parameters
    ----------
    region : ndarray of bool, shape (y, x)
        Dense matter.
    pixel_um : float
        Pixel size, µm.

    Returns
    -------
    ndarray of bool, shape (y, x)
        All False where the region is thinner than an implant everywhere.
    """
    core = ndimage.distance_transform_edt(region) * pixel_um > IMPLANT_HALF_THICKNESS_UM
    if not core.any():
        return core
    return _around(core, region, IMPLANT_HALF_THICKNESS_UM, pixel_um)


def implant_in_ct(
    ct: np.ndarray, pixel_um: float, settings: MaskSettings, normalize: NormalizeSettings
) -> np.ndarray:
    """Find the implant in the CT alone: the thickest rigid body, at its own grey level.

    Parameters
    ----------
    ct : ndarray of uint16, shape (y, x)
        Normalized CT.
    pixel_um : float
        Pixel size, µm.
    settings : MaskSettings
    normalize : NormalizeSettings
        What the CT was normalized to.

    Returns
    -------
    ndarray of bool, shape (y, x)
        All False where no rigid body is as thick as an implant. Magnesium has bone's grey level,
        so that bone beside a magnesium implant may be part of the result.
    """
    rigid = rigid_ct(ct, pixel_um, settings, normalize)
    depth_um = ndimage.distance_transform_edt(rigid) * pixel_um
    if depth_um.max() <= IMPLANT_HALF_THICKNESS_UM:
        return np.zeros_like(rigid)
    least_um = CORE_DEPTH * depth_um.max()
    core = depth_um > least_um
    faint = faint_implant(ct, pixel_um, settings, normalize)
    if faint[core].any():  # too faint for its grey level to stand out from the noise
        return faint
    grey = smoothed(ct, pixel_um, settings.smooth_um)
    level = np.median(grey[core])
    reach = LEVEL_REACH * (level - normalize.background_mean)
    return _around(core, rigid & (np.abs(grey - level) <= reach), least_um, pixel_um)


def _around(core: np.ndarray, region: np.ndarray, depth_um: float, pixel_um: float) -> np.ndarray:
    """Region near a core of pixels that lie deep in the region; threads stand out by a quarter."""
    return region & (ndimage.distance_transform_edt(~core) * pixel_um <= 1.25 * depth_um)


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
