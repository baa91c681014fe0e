"""The outline of the specimen in a CT slice; holder and air outside it are not stained."""

import cv2
import numpy as np

from virtual_staining.imaging.tissue.hull import hull, large_pieces, without_wall
from virtual_staining.imaging.tissue.rigid import rigid_ct
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

OUTLINE_UM = 20.0  # pixel size at which the outline is computed; a hull needs no finer one


def specimen_outline(
    plane: np.ndarray, voxel_size_um: float, mask: MaskSettings, normalize: NormalizeSettings
) -> np.ndarray:
    """Return the convex hull of a slice's rigid tissue, as for the CT's part of a pair's mask.

    Parameters
    ----------
    plane : ndarray, shape (y, x)
        Normalized CT slice.
    voxel_size_um : float
        Pixel size of the slice, µm.
    mask : MaskSettings
        Says which grey levels are rigid (paper 2.8).
    normalize : NormalizeSettings
        Grey levels to which the CT was normalized.

    Returns
    -------
    ndarray of bool, shape (y, x)
        All False if the slice shows no specimen.
    """
    stride = max(1, round(OUTLINE_UM / voxel_size_um))
    coarse, pixel_um = plane[::stride, ::stride], stride * voxel_size_um
    pieces = large_pieces(rigid_ct(coarse, pixel_um, mask, normalize), pixel_um, mask)
    pieces = without_wall(pieces, np.ones(coarse.shape, bool), pixel_um)
    outline = hull(pieces, pixel_um, mask).astype(np.uint8)
    size = (coarse.shape[1] * stride, coarse.shape[0] * stride)
    full = cv2.resize(outline, size, interpolation=cv2.INTER_NEAREST)
    return full[: plane.shape[0], : plane.shape[1]].astype(bool)
