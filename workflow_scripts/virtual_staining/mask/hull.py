"""Convex hulls of rigid pixels and the mask that they make."""

import numpy as np
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.morphology import convex_hull_image

from virtual_staining.mask.settings import Settings

# A piece that fills less of its own hull than this and lies outside the largest piece's hull is an
# arc of the holder's wall, not bone.
ARC_SOLIDITY = 0.35


def main_pieces(rigid: np.ndarray, pixel_um: float, settings: Settings) -> np.ndarray:
    """Keep the pieces that belong to the specimen.

    Thin structures go first (opening by ``min_thickness_um``), then pieces smaller than
    ``min_component`` of the largest compact one, and arcs of the sample holder's wall.

    Parameters
    ----------
    rigid : ndarray of bool, shape (y, x)
    pixel_um : float
        Pixel size, µm.
    settings : Settings

    Returns
    -------
    ndarray of bool, shape (y, x)
        All False if nothing remains.
    """
    opened = _open(rigid, 0.5 * settings.min_thickness_um / pixel_um)
    pieces = label(opened)
    regions = regionprops(pieces)
    compact = [region for region in regions if region.solidity >= ARC_SOLIDITY]
    if not regions:
        return opened
    largest = max(compact or regions, key=lambda region: region.area)
    inside = convex_hull_image(pieces == largest.label)
    kept = [
        region.label
        for region in regions
        if region.area >= settings.min_component * largest.area
        and (region.solidity >= ARC_SOLIDITY or inside[tuple(region.coords.T)].mean() > 0.5)
    ]
    return np.isin(pieces, kept)


def hull(rigid: np.ndarray, pixel_um: float, settings: Settings) -> np.ndarray:
    """Convex hull of the specimen's rigid pieces with ``margin_um`` around it.

    Parameters
    ----------
    rigid : ndarray of bool, shape (y, x)
    pixel_um : float
        Pixel size, µm.
    settings : Settings

    Returns
    -------
    ndarray of bool, shape (y, x)
        All False if there is no rigid piece.
    """
    pieces = main_pieces(rigid, pixel_um, settings)
    if not pieces.any():
        return pieces
    outside = ~convex_hull_image(pieces)
    return ndimage.distance_transform_edt(outside) * pixel_um <= settings.margin_um


def correspondence(
    ct_hull: np.ndarray, slide_hull: np.ndarray, valid: np.ndarray, exclude: np.ndarray
) -> np.ndarray:
    """Pixels inside both hulls where both images hold data and nothing was excluded (paper 2.8)."""
    return ct_hull & slide_hull & valid & ~exclude


def _open(region: np.ndarray, radius_px: float) -> np.ndarray:
    """Morphological opening by a disc; the image's border is not an edge."""
    if radius_px < 1:
        return region
    core = ndimage.distance_transform_edt(region) > radius_px
    if not core.any():
        return core
    return region & (ndimage.distance_transform_edt(~core) <= radius_px)
