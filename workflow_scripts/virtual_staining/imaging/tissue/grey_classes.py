"""Classes of stained tissue by CT grey: mature bone, new bone and soft tissue."""

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.absorbance import clear_and_opaque, slide_absorbance, smoothed
from virtual_staining.imaging.tissue.classes import IMPLANT_RIM_PX
from virtual_staining.imaging.tissue.regions import BONE_LEVEL, shrunk
from virtual_staining.settings.normalize import BONE, NormalizeSettings

MATURE_BONE, NEW_BONE, SOFT_TISSUE, TISSUE = "mature_bone", "new_bone", "soft_tissue", "tissue"
# Least level of mineralized tissue between background (0) and mature bone (1): above dry soft
# tissue (0.03 to 0.07) and below new bone (0.7 to 0.8), whatever the photon energy.
RIGID_LEVEL = 0.45
# Smoothing before a normalized CT's grey level tells bone from new bone, µm.
SMOOTH_UM = 15.0


def classes_by_level(
    ct: np.ndarray, pixel_um: float, smooth_um: float, levels: tuple[float, float]
) -> dict[str, np.ndarray]:
    """Divide all pixels of a CT plane by their grey level.

    Parameters
    ----------
    ct : ndarray of uint16, shape (y, x)
    pixel_um, smooth_um : float
        Pixel size and smoothing, µm.
    levels : (bone, background)
        Mean CT grey of mature bone and of the background.

    Returns
    -------
    dict of ndarray of bool, shape (y, x)
        ``mature_bone`` and what is denser, ``new_bone``, and ``soft_tissue`` and what is fainter.
    """
    bone, background = levels
    level = (smoothed(ct, pixel_um, smooth_um) - background) / (bone - background)
    return {
        MATURE_BONE: level >= BONE_LEVEL,
        NEW_BONE: (level >= RIGID_LEVEL) & (level < BONE_LEVEL),
        SOFT_TISSUE: level < RIGID_LEVEL,
    }


def grey_classes(
    ct: np.ndarray,
    slide: np.ndarray,
    valid: np.ndarray,
    pixel_um: float,
    levels: tuple[float, float],
    settings: NormalizeSettings,
) -> dict[str, np.ndarray]:
    """Divide the section's stained tissue by the grey level that the CT shows there.

    Pixels within ``erode_um`` of clear glass and of the opaque implant, and the implant's rim, are
    left out, because they show part of what lies beside the tissue.

    Parameters
    ----------
    ct : ndarray of uint16, shape (y, x)
        Registered CT plane.
    slide : ndarray of uint8, shape (y, x, 3)
        Registered section.
    valid : ndarray of bool, shape (y, x)
        Where both images hold data.
    pixel_um : float
        Pixel size, µm.
    levels : (bone, background)
        Mean CT grey of mature bone and of the background.
    settings : NormalizeSettings

    Returns
    -------
    dict of ndarray of bool, shape (y, x)
        ``mature_bone``, ``new_bone`` and ``soft_tissue``; all of it as ``tissue`` where the
        reference class is not bone. Corrosion products and lacunae belong to the class of their
        grey level.
    """
    absorbance = slide_absorbance(slide, valid, pixel_um, settings.smooth_um)
    clear, opaque = clear_and_opaque(absorbance, valid, settings.opaque_absorbance)
    tissue = shrunk(valid & ~clear & ~opaque, pixel_um, settings.erode_um)
    tissue &= ~ndimage.binary_dilation(opaque, iterations=IMPLANT_RIM_PX)
    if settings.reference_class != BONE:
        return {TISSUE: tissue}
    found = classes_by_level(ct, pixel_um, settings.smooth_um, levels)
    return {name: tissue & places for name, places in found.items()}
