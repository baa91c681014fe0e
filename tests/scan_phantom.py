"""A small scan with known materials, for the tests of a scan's levels."""

import numpy as np
from scipy import ndimage

VOXEL_UM = 40.0
SHAPE = (72, 72, 72)
BACKGROUND, SPAN = 8000.0, 12000.0
LEVELS = {"Ti": 7.0, "Mg-10Gd": 1.6, "Mg-5Gd": 1.17, "Mg": 0.6, "PEEK": 0.2}


def make_scan(implant="", medium=0.0, soft=0.06, thin=False, inside=False, seed=0):
    """Grey levels (z, y, x) of a bone block with soft tissue on top, an implant in it, or neither.

    Bone is two slabs with trabeculae between, or trabeculae alone that two voxels show; the field
    lies inside the block, or the medium surrounds it. Levels lie between background and bone.
    """
    rng = np.random.default_rng(seed)
    z, y, x = np.indices(SHAPE)
    block = (np.abs(z - 36) < 30) & (np.hypot(y - 36, x - 36) < 32)
    block |= inside
    level = np.where(block, soft, medium)
    inner = block & ((z < 58) | inside)
    sheet = (x + y + z) % 16
    bone = inner & ((sheet < 3) if thin else (sheet < 4))
    if not thin:
        bone |= inner & ((z < 26) | (z > 44))
    level[bone] = 1.0
    if implant:
        level[(np.hypot(y - 36, x - 36) < 14) & (np.abs(z - 36) < 28)] = LEVELS[implant]
    level = ndimage.gaussian_filter(level, 0.5) + 0.05 * rng.standard_normal(SHAPE)
    return np.clip(BACKGROUND + SPAN * level, 0, None)
