"""What the section's colour says where the CT leaves open whether there is bone or soft tissue.

A CT voxel at the edge of bone, or in a trabecula hardly wider than a voxel, holds both, and metal
brightens the voxels beside it. The section is sharper and shows the two in colours of their own,
which are learned from the pair itself where the CT is sure.
"""

import numpy as np
from scipy import ndimage
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis

# Levels of the CT, soft tissue 0.02 to 0.25 and woven bone 0.74 at least, between which it is open
# what a voxel shows.
OPEN_LEVELS = 0.2, 0.65
# Least level of an implant that is brighter than bone, and how far its blur reaches, px.
METAL_LEVEL, METAL_REACH_PX = 1.5, 3
# Pixels so near to the implant mix its colour with the tissue's, px.
RIM_PX = 2
# Fewest sure pixels of each kind; no more than so many are learned from.
LEAST_SAMPLES, MOST_SAMPLES = 200, 20000
# Least share of the sure pixels, both kinds weighing the same, whose colour says what the CT says.
LEAST_AGREEMENT = 0.9
# Part of a kind's variance that is the same in all colours, so that even colours have some.
REGULARIZATION = 1e-3


def rigid_by_colour(
    slide: np.ndarray,
    level: np.ndarray,
    rigid: np.ndarray,
    stained: np.ndarray,
    implant: np.ndarray,
    smooth_px: float,
) -> np.ndarray:
    """Let the section decide where the CT is open.

    Parameters
    ----------
    slide : ndarray of uint8, shape (y, x, 3)
    level : ndarray, shape (y, x)
        CT levels, background 0 and bone 1.
    rigid : ndarray of bool, shape (y, x)
        What the CT alone takes for bone.
    stained : ndarray of bool, shape (y, x)
        Neither glass nor implant.
    implant : ndarray of bool, shape (y, x)
        Pixels that touch it show its colour; near it nothing is learned.
    smooth_px : float
        Standard deviation of the blur against noise and cells, px.

    Returns
    -------
    ndarray of bool, shape (y, x)
        ``rigid`` itself where the colours of bone and soft tissue are not told apart.
    """
    low, high = OPEN_LEVELS
    colour = ndimage.gaussian_filter(
        np.log10(slide.astype(np.float32) + 1), (smooth_px, smooth_px, 0)
    )
    metal = ndimage.maximum_filter(level, 2 * METAL_REACH_PX + 1) > METAL_LEVEL
    touching, rim = (ndimage.binary_dilation(implant, iterations=reach) for reach in (1, RIM_PX))
    sure = stained & ~rim
    # new bone, of another colour than old, may lie beside the metal alone
    kinds = [colour[sure & (level < low)], colour[sure & (level > high)]]
    is_open = stained & ~touching & (metal | (~rim & (level >= low) & (level <= high)))
    if min(map(len, kinds)) < LEAST_SAMPLES or not is_open.any():
        return rigid
    samples = [kind[:: max(1, len(kind) // MOST_SAMPLES)] for kind in kinds]
    labels = np.repeat([False, True], [len(kind) for kind in samples])
    model = QuadraticDiscriminantAnalysis(priors=[0.5, 0.5], reg_param=REGULARIZATION)
    model.fit(np.concatenate(samples), labels)
    soft, bone = (model.predict(kind).mean() for kind in samples)
    if (1 - soft + bone) / 2 < LEAST_AGREEMENT:
        return rigid
    told = rigid.copy()
    told[is_open] = model.predict(colour[is_open])
    return told
