"""A hollow of the bone that an implant may fill which the CT cannot show.

PEEK in water or resin differs from the medium by less than 0.03 of bone's level, at some photon
energies by nothing. Its place then looks like a hollow: as dark as the medium, thicker than all
spaces between trabeculae, and within the outline of the bone.
"""

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.faint_body import (
    BODY_HALF_THICKNESS_UM,
    DEEPER,
    FAINT_LEVEL,
    SMOOTH_UM,
)
from virtual_staining.imaging.tissue.specimen import dense_matter

# Least share of the outline that the core of an implant's hollow takes.
LEAST_SHARE = 0.01


def hollow_um(
    level: np.ndarray, outline: np.ndarray, voxel_um: float, rigid_level: float
) -> float | None:
    """Return the thickness of a hollow that an unseen implant may fill, µm; None without one.

    Parameters
    ----------
    level : ndarray of float32, shape (z, y, x)
        Grey levels, background 0 and bone 1.
    outline : ndarray of bool, shape (z, y, x)
        The specimen's convex outline.
    voxel_um : float
        Voxel size, µm.
    rigid_level : float
        Least level of dense matter.
    """
    smooth = ndimage.gaussian_filter(level, SMOOTH_UM / voxel_um)
    empty = (np.abs(smooth) < FAINT_LEVEL).astype(np.float32)
    # most of a voxel's neighbours decide, against noise
    hollow = outline & ~dense_matter(level, rigid_level) & (ndimage.uniform_filter(empty, 3) > 0.5)
    depth_um = ndimage.distance_transform_edt(hollow) * voxel_um
    cores, count = ndimage.label(depth_um > BODY_HALF_THICKNESS_UM)
    if not count:
        return None
    depths = ndimage.maximum(depth_um, cores, range(1, count + 1))
    deepest = int(np.argmax(depths))
    others = np.delete(depths, deepest).max(initial=BODY_HALF_THICKNESS_UM)
    share = np.count_nonzero(cores == deepest + 1) / np.count_nonzero(outline)
    if depths[deepest] < DEEPER * others or share < LEAST_SHARE:
        return None
    return 2 * float(depths[deepest])
