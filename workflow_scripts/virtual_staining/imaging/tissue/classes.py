"""The tissue class of each pixel of a registered pair."""

from enum import IntEnum

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.absorbance import clear_and_opaque, slide_absorbance, smoothed
from virtual_staining.imaging.tissue.hull import large_pieces
from virtual_staining.imaging.tissue.regions import IMPLANT_HALF_THICKNESS_UM
from virtual_staining.imaging.tissue.rigid import faint_implant, rigid_ct
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

# Pixels within this distance of an implant mix its colour with the tissue's, px.
IMPLANT_RIM_PX = 2
# The core of the thickest rigid body lies at least this deep, as a fraction of the deepest place.
CORE_DEPTH = 0.7
# Grey levels of one implant differ by at most this fraction of its level above the background.
LEVEL_REACH = 0.15


class Tissue(IntEnum):
    """Value of a pixel of ``tissue.tif``."""

    OUTSIDE = 0
    """Outside the correspondence mask."""
    IMPLANT = 1
    """The implant: opaque on the section, or a thick dense body that the section has lost."""
    RIGID = 2
    """Stained tissue as dense in the CT as bone: bone, degradation layer."""
    SOFT = 3
    """Stained tissue of lower density: soft tissue, marrow."""
    BACKGROUND = 4
    """Clear glass: gaps and vessels."""
    UNKNOWN = 5
    """Outside the mask, and nothing can be learned there: no data in the CT or on the section, left
    out by hand, or bone that the section has lost."""


def tissue_classes(
    ct: np.ndarray,
    slide: np.ndarray,
    mask: np.ndarray,
    valid: np.ndarray,
    pixel_um: float,
    settings: MaskSettings,
    normalize: NormalizeSettings,
) -> np.ndarray:
    """Tell implant, rigid tissue, soft tissue and background apart.

    The section tells what is opaque, stained or clear; the CT tells rigid from soft tissue.

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
    dense = rigid_ct(ct, pixel_um, settings, normalize)
    implant = large_pieces(opaque & valid, pixel_um, settings)
    if not implant.any():  # the section has lost the implant and shows clear glass in its place
        implant = thick_body(clear & dense & valid, pixel_um)
    classes = np.where(dense, Tissue.RIGID, Tissue.SOFT).astype(np.uint8)
    classes[clear] = Tissue.BACKGROUND
    classes[implant] = Tissue.IMPLANT
    classes[~mask] = Tissue.OUTSIDE
    classes[~valid] = Tissue.UNKNOWN
    return classes


def lost_pieces(
    classes: np.ndarray,
    ct: np.ndarray,
    pixel_um: float,
    settings: MaskSettings,
    normalize: NormalizeSettings,
) -> np.ndarray:
    """Find bone that the section has lost in cutting: clear glass where the CT is dense.

    Such places differ physically (paper 2.8), and a network that is trained on them learns to
    invent holes. The place of a lost implant is not among them.

    Parameters
    ----------
    classes : ndarray of uint8, shape (y, x)
        From :func:`tissue_classes`.
    ct, pixel_um, settings, normalize
        As in :func:`tissue_classes`.

    Returns
    -------
    ndarray of bool, shape (y, x)
        Pieces that are thicker than ``min_thickness_um``, which cracks and canals are not.
    """
    dense = rigid_ct(ct, pixel_um, settings, normalize)
    return large_pieces(dense & (classes == Tissue.BACKGROUND), pixel_um, settings)


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
    tissue = np.isin(classes, (Tissue.RIGID, Tissue.SOFT))
    rim = ndimage.binary_dilation(classes == Tissue.IMPLANT, iterations=IMPLANT_RIM_PX)
    return tissue & ~rim
