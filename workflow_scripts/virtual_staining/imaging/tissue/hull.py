"""What of a CT plane and its section belongs to the specimen, and the mask that both make."""

from typing import Any

import numpy as np
from scipy import ndimage
from skimage.measure import label, regionprops
from skimage.morphology import convex_hull_image

from virtual_staining.imaging.tissue.specimen import LINK_UM
from virtual_staining.settings.mask import MaskSettings

# A piece that fills less of its own hull than this is an arc or ring.
ARC_SOLIDITY = 0.35
# What the section shows as bone counts where the CT shows rigid matter within this distance, µm:
# further than registration and the section's distortion move bone.
REACH_UM = 80.0
# An implant of which the CT shows a smaller share is as bright as what surrounds it.
UNSEEN = 0.25


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


def _main(regions: list) -> Any:
    """Return the largest region that is compact, or the largest if none is."""
    compact = [region for region in regions if region.solidity >= ARC_SOLIDITY]
    return max(compact or regions, key=lambda region: region.area)


def with_implant(
    pieces: list[np.ndarray], implant: np.ndarray, shown: np.ndarray
) -> list[np.ndarray]:
    """Join the section's implant to the pieces of the specimen that the CT shows.

    A CT may show only part of an implant, or nothing of an implant as bright as the medium around
    it. What is opaque for another reason, such as ink, lies beside the specimen on empty ground.

    Parameters
    ----------
    pieces : list of ndarray of bool, shape (y, x)
        Convex areas of the CT plane.
    implant : ndarray of bool, shape (y, x)
        Opaque bodies of the section; each joins the piece that it overlaps most, if the CT shows
        matter in most of its rest, or nothing of a body that lies among the pieces.
    shown : ndarray of bool, shape (y, x)
        Where the CT shows anything but background.

    Returns
    -------
    list of ndarray of bool, shape (y, x)
        The pieces, convex again.
    """
    if not pieces:
        return pieces
    joined = list(pieces)
    among = convex_hull_image(np.logical_or.reduce(pieces))
    bodies = label(implant)
    for number in range(1, bodies.max() + 1):
        body = bodies == number
        overlaps = [int((piece & body).sum()) for piece in pieces]
        rest = body & ~np.logical_or.reduce(pieces)
        if not rest.any() or max(overlaps) == 0:
            continue
        unseen = among[body].mean() >= 0.5 and shown[body].mean() < UNSEEN
        if unseen or shown[rest].mean() > 0.5:
            best = int(np.argmax(overlaps))
            joined[best] = convex_hull_image(joined[best] | body)
    return joined


def section_hulls(
    pieces: list[np.ndarray],
    in_slide: np.ndarray,
    in_ct: np.ndarray,
    pixel_um: float,
    settings: MaskSettings,
) -> np.ndarray:
    """Return the hulls of what the section shows of each piece of the specimen, with their margin.

    Parameters
    ----------
    pieces : list of ndarray of bool, shape (y, x)
        Areas of the CT plane, from :func:`with_implant`.
    in_slide : ndarray of bool, shape (y, x)
        The section's pixels that look like bone or implant.
    in_ct : ndarray of bool, shape (y, x)
        Rigid matter of the CT. What the section shows far from all of this is no bone; therefore
        the section's thinnest trabeculae count as well.
    pixel_um : float
        Pixel size, µm.
    settings : MaskSettings
        Uses ``min_thickness_um`` and ``margin_um``.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    found = np.zeros(in_slide.shape, bool)
    if not in_ct.any():
        return found
    near = ndimage.distance_transform_edt(~in_ct) * pixel_um <= REACH_UM
    parts = label(in_slide & near)
    large = np.bincount(parts.ravel()) >= (settings.min_thickness_um / pixel_um) ** 2
    large[0] = False
    for piece in pieces:
        found |= hull(large[parts] & piece, pixel_um, settings.margin_um)
    return found


def without_bridges(
    mask: np.ndarray, tissue: np.ndarray, lost: np.ndarray, pixel_um: float, margin_um: float
) -> np.ndarray:
    """Leave out the glass between pieces of a section that only a lost body held together.

    A section that has lost its screw may fall into halves, and their common hull holds glass beyond
    both ends of the screw.

    Parameters
    ----------
    mask : ndarray of bool, shape (y, x)
        What CT and section share, without ``lost``.
    tissue : ndarray of bool, shape (y, x)
        What the section has kept of the specimen; all of it in the mask stays.
    lost : ndarray of bool, shape (y, x)
        What the section has lost. Nothing is left out far from it.
    pixel_um, margin_um : float
        Pixel size and width of the margin around the pieces, µm.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    tissue = tissue & mask
    if not lost.any() or not tissue.any():
        return mask
    apart_um = ndimage.distance_transform_edt(~tissue) * pixel_um
    far = ndimage.distance_transform_edt(~lost) * pixel_um > LINK_UM
    parts = label((mask | lost) & (far | (apart_um <= LINK_UM / 2)))
    kept = tissue.copy()
    for number in np.setdiff1d(parts[tissue], 0):
        kept |= hull(tissue & (parts == number), pixel_um, margin_um)
    return mask & kept


def hull(area: np.ndarray, pixel_um: float, margin_um: float) -> np.ndarray:
    """Convex hull with a margin around it.

    Parameters
    ----------
    area : ndarray of bool, shape (y, x)
    pixel_um : float
        Pixel size, µm.
    margin_um : float
        Width of the margin, µm.

    Returns
    -------
    ndarray of bool, shape (y, x)
        All False if there is nothing.
    """
    if not area.any():
        return area
    outside = ~convex_hull_image(area)
    return ndimage.distance_transform_edt(outside) * pixel_um <= margin_um


def _open(region: np.ndarray, radius_px: float) -> np.ndarray:
    """Morphological opening by a disc; the image's border is not an edge."""
    if radius_px < 1:
        return region
    core = ndimage.distance_transform_edt(region) > radius_px
    if not core.any():
        return core
    return region & (ndimage.distance_transform_edt(~core) <= radius_px)
