"""A faint implant in a volume: a solid body among faint matter, thicker than all others."""

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from virtual_staining.imaging.tissue.convex_bodies import corners, holds

# Least level of a faint implant: PEEK has 0.11 at least, dry soft tissue 0.07 at most (NIST
# attenuation at 25 to 45 keV).
FAINT_LEVEL = 0.09
# Blur that keeps noise out of faint matter, µm.
SMOOTH_UM = 40.0
# Half the thickness above which faint matter is looked at, µm. An implant (screw core: 1.5 mm) is
# thicker than this and than all other faint bodies by this factor: lumps of wet tissue are alike.
BODY_HALF_THICKNESS_UM, DEEPER = 300.0, 1.4
# Least level of a faint implant's matter, of its own: dry soft tissue has 0.25 to 0.28 of PEEK's.
OWN_LEVEL = 0.6
# A faint body whose hull holds more of the dense matter than this is what surrounds the specimen.
MOST_ENCLOSED = 0.5


def faint_body(smooth: np.ndarray, dense: np.ndarray, voxel_um: float) -> np.ndarray:
    """Return the solid body among faint matter that is thicker than all others, bool (z, y, x).

    A PEEK implant is no brighter than the blurred edge of bone; its thickness tells it from such
    edges, from a holder's wall and from trabeculae among marrow. Resin, water and wet tissue are
    as bright; resin and water surround the bone, wet tissue lies in lumps of one size.

    Parameters
    ----------
    smooth : ndarray of float32, shape (z, y, x)
        Grey levels, background 0 and bone 1, blurred by ``SMOOTH_UM``; 0 where matter is dense, in
        a holder's wall and outside.
    dense : ndarray of bool, shape (z, y, x)
        Rigid matter.
    voxel_um : float
        Voxel size, µm.
    """
    none = np.zeros(smooth.shape, bool)
    depth_um, cores = _cores(_above(smooth, FAINT_LEVEL, dense), voxel_um)
    if not cores.any():
        return none
    depths = ndimage.maximum(depth_um, cores, range(1, cores.max() + 1))
    deepest = int(np.argmax(depths))
    others = np.delete(depths, deepest).max(initial=BODY_HALF_THICKNESS_UM)
    if depths[deepest] < DEEPER * others:
        return none
    core = cores == deepest + 1
    # noise cuts a body near the least level apart; its own level tells what belongs to it
    faint = _above(smooth, min(FAINT_LEVEL, OWN_LEVEL * float(np.median(smooth[core]))), dense)
    _, cores = _cores(faint, voxel_um)
    core |= np.isin(cores, np.setdiff1d(cores[core], 0))
    apart_um = ndimage.distance_transform_edt(~core) * voxel_um
    body = faint & (apart_um <= BODY_HALF_THICKNESS_UM + 2 * SMOOTH_UM)
    # blurred, the body's outermost voxels lie below the level, which is not far below the body's
    return none if _encloses(body, dense) else ndimage.binary_dilation(body)


def _above(smooth: np.ndarray, least: float, dense: np.ndarray) -> np.ndarray:
    """Return faint matter above a level: most of a voxel's neighbours decide, against noise."""
    faint = ((smooth > least) & ~dense).astype(np.float32)
    return ~dense & (ndimage.uniform_filter(faint, 3) > 0.5)


def _cores(faint: np.ndarray, voxel_um: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the depth of each voxel in faint matter, µm, and the numbers of the deep places."""
    depth_um = ndimage.distance_transform_edt(faint) * voxel_um
    return depth_um, ndimage.label(depth_um > BODY_HALF_THICKNESS_UM)[0]


def _encloses(body: np.ndarray, dense: np.ndarray) -> bool:
    """Tell whether the hull of a body holds most of the dense matter."""
    if not dense.any():
        return False
    share = holds(ConvexHull(corners(body, 0.5)), np.argwhere(dense)).mean()
    return bool(share > MOST_ENCLOSED)
