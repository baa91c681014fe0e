"""Air, or the medium, that reaches into a specimen's convex outline from outside.

Dry soft tissue is hardly brighter than air: it has 0.03 to 0.07 of bone's level, wet tissue 0.12 to
0.24, and a voxel's noise is as large as the first. The level is therefore averaged over the
neighbours, dense matter aside, whose blur would hide the air beside it.
"""

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.faint_body import FAINT_LEVEL, SMOOTH_UM
from virtual_staining.imaging.tissue.specimen import dense_matter

# Least share of what is not dense in the outline that is as faint as dry tissue, if dry tissue is
# what the outline holds. Less than this is air beside wet tissue.
LEAST_DRY = 0.4
# Radius of the smallest ball of air that counts, µm; noise opens narrower ways through marrow.
LEAST_RADIUS_UM = 120.0
# Least distance of soft tissue's level from that of air, in standard deviations of the air's.
LEAST_CONTRAST = 2.0
# What is darker than air by more standard deviations is no air, but a streak through metal.
MOST_DARKER = 4.0
# Least share of a voxel's neighbourhood that is not dense, for its level to be known.
LEAST_SHARE = 0.02
# A coarse voxel that is dense in part may show air at its side: so far air is carried on.
RIM_VOXELS = 2


def open_air(
    level: np.ndarray,
    measured: np.ndarray,
    outline: np.ndarray,
    voxel_um: float,
    rigid_level: float,
) -> np.ndarray:
    """Find the air that is open to the outside of a specimen's outline.

    Air is as dark as the outside, and below the middle between the medians of the outside and of
    the soft tissue inside, which is fainter than any implant. It counts where a ball of
    ``LEAST_RADIUS_UM`` fits that lies in air or outside, and where such balls are joined to the
    outside. Where noise hides soft tissue, as in some media, nothing counts.

    Parameters
    ----------
    level : ndarray of float32, shape (z, y, x)
        Grey levels, background 0 and bone 1.
    measured : ndarray of bool, shape (z, y, x)
        False where the volume holds no data.
    outline : ndarray of bool, shape (z, y, x)
        The specimen's convex outline.
    voxel_um : float
        Voxel size, µm.
    rigid_level : float
        Least level of dense matter.

    Returns
    -------
    ndarray of bool, shape (z, y, x)
        Air, and the rim of dense matter beside it: what is dense on a finer grid is none.
    """
    dense = dense_matter(level, rigid_level)
    faint, known = _faint_level(level, dense, voxel_um)
    known &= measured
    bounds = _air_levels(faint[known & ~outline], faint[known & outline & ~dense], rigid_level)
    if bounds is None:
        return np.zeros(level.shape, bool)
    air = known & ~dense & (faint > bounds[0]) & (faint < bounds[1])
    empty = _opened(air | ~outline, LEAST_RADIUS_UM / voxel_um)
    parts, _ = ndimage.label(empty)
    joined = np.isin(parts, np.unique(parts[empty & ~outline]))
    found = empty & joined
    for _ in range(RIM_VOXELS):
        found |= ndimage.binary_dilation(found) & dense
    return found


def _air_levels(
    outside: np.ndarray, inside: np.ndarray, rigid_level: float
) -> tuple[float, float] | None:
    """Return the least and the most level of air; None where soft tissue is not told from it.

    Parameters
    ----------
    outside, inside : ndarray, shape (n,)
        Levels around the outline, and in it without dense matter.
    rigid_level : float
        Least level of dense matter.
    """
    tissue = inside[inside < FAINT_LEVEL]  # dry tissue, beside a faint implant or without
    if tissue.size < LEAST_DRY * inside.size:  # wet tissue
        tissue = inside[inside < rigid_level]
    if not outside.size or not tissue.size:
        return None
    usual, level = float(np.median(outside)), float(np.median(tissue))
    spread = 1.4826 * float(np.median(np.abs(outside - usual)))
    if level - usual < LEAST_CONTRAST * spread:
        return None
    return usual - MOST_DARKER * spread, (usual + level) / 2


def _faint_level(
    level: np.ndarray, dense: np.ndarray, voxel_um: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean level around each voxel, dense matter aside, and where it is known."""
    counted = (~ndimage.binary_dilation(dense)).astype(np.float32)
    sigma = SMOOTH_UM / voxel_um
    share = ndimage.gaussian_filter(counted, sigma)
    total = ndimage.gaussian_filter(level * counted, sigma)
    return total / np.maximum(share, LEAST_SHARE), share > LEAST_SHARE


def _opened(empty: np.ndarray, radius: float) -> np.ndarray:
    """Return what balls of a radius, voxels, cover that lie in ``empty``; the border is no edge."""
    core = ndimage.distance_transform_edt(empty) > radius
    if not core.any():
        return core
    return empty & (ndimage.distance_transform_edt(~core) <= radius)
