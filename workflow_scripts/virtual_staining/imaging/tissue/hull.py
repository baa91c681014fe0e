"""Convex hulls of rigid pixels and the mask that they make."""

from typing import Any

import numpy as np
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.morphology import convex_hull_image

from virtual_staining.settings.mask import MaskSettings

# A piece that fills less of its own hull than this is an arc or ring.
ARC_SOLIDITY = 0.35
# What comes so near to the field's border runs out of it, px (openings round corners off).
RIM_PX = 3
# Half the thickness of the thickest holder wall, µm.
WALL_HALF_THICKNESS_UM = 250.0


def large_pieces(rigid: np.ndarray, pixel_um: float, settings: MaskSettings) -> np.ndarray:
    """Keep pieces neither thinner than ``min_thickness_um`` nor small beside the main one.

    Parameters
    ----------
    rigid : ndarray of bool, shape (y, x)
    pixel_um : float
        Pixel size, µm.
    settings : MaskSettings
        Small is less than ``min_component`` of the main piece's area.

    Returns
    -------
    ndarray of bool, shape (y, x)
        All False if nothing remains.
    """
    opened = _open(rigid, 0.5 * settings.min_thickness_um / pixel_um)
    pieces = label(opened)
    regions = regionprops(pieces)
    if not regions:
        return opened
    least = settings.min_component * _main(regions).area
    return np.isin(pieces, [region.label for region in regions if region.area >= least])


def without_wall(pieces: np.ndarray, field: np.ndarray, pixel_um: float) -> np.ndarray:
    """Drop the sample holder's wall, where it is as dense as the specimen.

    Wall is what lies outside the main piece's hull and is an arc or ring, or is thin and runs out
    of the field; a thick piece that the field's border cuts is bone or implant.

    Parameters
    ----------
    pieces : ndarray of bool, shape (y, x)
        From :func:`large_pieces`, of a CT.
    field : ndarray of bool, shape (y, x)
        Where the CT holds data.
    pixel_um : float
        Pixel size, µm.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    labels = label(pieces)
    regions = regionprops(labels)
    if not regions:
        return pieces
    inside = convex_hull_image(labels == _main(regions).label)
    half_um = ndimage.distance_transform_edt(pieces) * pixel_um
    rim = field & (ndimage.distance_transform_edt(np.pad(field, 1))[1:-1, 1:-1] <= RIM_PX)
    kept = []
    for region in regions:
        place = tuple(region.coords.T)
        thin = half_um[place].max() < WALL_HALF_THICKNESS_UM
        arc = region.solidity < ARC_SOLIDITY or (thin and rim[place].any())
        if inside[place].mean() > 0.5 or not arc:
            kept.append(region.label)
    return np.isin(labels, kept)


def _main(regions: list) -> Any:
    """Return the largest region that is compact, or the largest if none is."""
    compact = [region for region in regions if region.solidity >= ARC_SOLIDITY]
    return max(compact or regions, key=lambda region: region.area)


def hull(pieces: np.ndarray, pixel_um: float, settings: MaskSettings) -> np.ndarray:
    """Convex hull with ``margin_um`` around it.

    Parameters
    ----------
    pieces : ndarray of bool, shape (y, x)
        From :func:`large_pieces`, for a CT :func:`without_wall`.
    pixel_um : float
        Pixel size, µm.
    settings : MaskSettings

    Returns
    -------
    ndarray of bool, shape (y, x)
        All False if there is nothing.
    """
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
