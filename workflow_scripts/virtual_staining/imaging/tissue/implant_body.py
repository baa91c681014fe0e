"""The implant as a body: thicker than bone is, and of a grey level of its own."""

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.absorbance import smoothed
from virtual_staining.imaging.tissue.regions import IMPLANT_HALF_THICKNESS_UM
from virtual_staining.imaging.tissue.rigid import faint_implant, rigid_ct
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

# The core of the thickest rigid body lies at least this deep, as a fraction of the deepest place.
CORE_DEPTH = 0.7
# Grey levels of one implant differ by at most this fraction of its level above the background.
LEVEL_REACH = 0.15


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
