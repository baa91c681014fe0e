"""Regions of reference tissue and background, found in a CT plane and its registered section.

The section is what tells bone from metal (opaque or cut away) and soft tissue of the volume that
never reached the slide; the CT tells bone from soft tissue. A plane without a section is searched
by grey level and shape alone.
"""

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import disk

from virtual_staining.errors import InputError
from virtual_staining.imaging.histogram import Peak, peaks
from virtual_staining.imaging.tissue.absorbance import clear_and_opaque, slide_absorbance, smoothed
from virtual_staining.settings.normalize import BONE, NormalizeSettings

# Background lies within this many standard deviations of its peak, bone at most so far above its.
GATE_SIGMAS = 2.5
# The background's peak is measured on the values up to so many standard deviations above it.
ZOOM_SIGMAS = 8.0
# The closer look holds if it keeps this share of the peak's values.
ZOOM_SHARE = 0.5
# Least level of bone between background (0) and its peak (1), half-way from new bone (0.7 to 0.8)
# to mature, whose mean is what the CT is scaled by.
BONE_LEVEL = 0.87
# Where the scan's levels are known: most of the background's level, of bone above its own, and
# least of mineralized tissue, between background (0) and bone (1).
EMPTY_LEVEL, MOST_ABOVE, MINERAL_LEVEL = 0.1, 0.25, 0.45
# Least share of the tissue that bone takes; a smaller peak is the blurred rim of metal.
BONE_SHARE = 0.05
# Pores up to this width belong to bone, as nobody draws around them, µm.
PORE_UM = 60.0
# Least share of the section's tissue that is reference where the class is not bone. A smaller
# bright part is a vessel, an artefact or a foreign body.
TISSUE_SHARE = 0.25
# Half the thickness above which solid dense matter may be an implant, µm (screw core: 1.5 mm).
IMPLANT_HALF_THICKNESS_UM = 350.0


def find_rois(
    ct: np.ndarray,
    slide: np.ndarray,
    valid: np.ndarray,
    pixel_um: float,
    settings: NormalizeSettings,
    levels: tuple[float, float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Find reference tissue and background that CT and section agree on.

    Parameters
    ----------
    ct : ndarray of uint16, shape (y, x)
        Registered CT plane, any grey levels.
    slide : ndarray of uint8, shape (y, x, 3)
        Registered section.
    valid : ndarray of bool, shape (y, x)
        Where both images hold data.
    pixel_um : float
        Pixel size, µm.
    settings : NormalizeSettings
        Reference class, smoothing, erosion and the like.
    levels : (reference, background), optional
        Grey levels of the whole scan; looked for in the plane by default.

    Returns
    -------
    reference, background : ndarray of bool, shape (y, x)
        With levels of the scan, mineralized tissue of any age where there is too little mature
        bone.

    Raises
    ------
    InputError
        If either region is smaller than ``min_roi_px``.
    """
    smooth = smoothed(ct, pixel_um, settings.smooth_um)
    absorbance = slide_absorbance(slide, valid, pixel_um, settings.smooth_um)
    clear, opaque = clear_and_opaque(absorbance, valid, settings.opaque_absorbance)
    background = valid & clear & shrunk(clear, pixel_um, settings.erode_um)
    tissue = valid & ~clear & ~opaque
    if levels is not None:
        regions = _at_levels(smooth, background, tissue, opaque & valid, levels, pixel_um, settings)
        return _enough(*regions, settings)
    background &= _near(smooth, _darkest(smooth[background]))
    inner = shrunk(tissue, pixel_um, settings.erode_um)
    if settings.reference_class == BONE and background.any():
        air, bone = smooth[background].mean(), _last(peaks(smooth[inner]))
        reference = _bone_like(smooth, bone, air, pixel_um) & tissue
        # an implant is black on the slide, or was taken out of it and left a dense hole
        hole = clear & (smooth > air + BONE_LEVEL * (bone.grey - air)) if bone else opaque
        implant = shrunk(valid & (opaque | hole), pixel_um, settings.erode_um)
        reference &= ~_grow(implant, settings.implant_margin_um, pixel_um)
    else:
        low, high = _tissue_levels(smooth, background, inner)
        reference = tissue & (smooth > low) & (smooth <= high)
    reference = shrunk(reference, pixel_um, settings.erode_um)
    background = shrunk(background, pixel_um, settings.erode_um)
    return _enough(reference, background, settings)


def _at_levels(
    smooth: np.ndarray,
    background: np.ndarray,
    tissue: np.ndarray,
    opaque: np.ndarray,
    levels: tuple[float, float],
    pixel_um: float,
    settings: NormalizeSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Reference and background of a section whose scan's levels are known."""
    level = (smooth - levels[1]) / (levels[0] - levels[1])
    background = shrunk(background & (level < EMPTY_LEVEL), pixel_um, settings.erode_um)
    if settings.reference_class != BONE:
        reference = tissue & (level > 0.5)
        return shrunk(reference, pixel_um, settings.erode_um), background
    bone = Peak(levels[0], 1.0, *(2 * [MOST_ABOVE / GATE_SIGMAS * (levels[0] - levels[1])]))
    reference = _bone_like(smooth, bone, levels[1], pixel_um) & tissue
    implant = shrunk(opaque, pixel_um, settings.erode_um)
    mature = reference & ~_grow(implant, settings.implant_margin_um, pixel_um)
    reference = shrunk(mature, pixel_um, settings.erode_um)
    if reference.sum() < settings.min_roi_px:
        reference = tissue & (level > MINERAL_LEVEL) & (level < 1 + MOST_ABOVE)
    return reference, background


def _tissue_levels(
    smooth: np.ndarray, background: np.ndarray, inner: np.ndarray
) -> tuple[float, float]:
    """Return the grey levels between which the CT shows what the section shows as tissue.

    A small bright part draws Otsu's threshold to itself; the part is left out and the rest divided
    again. Both levels are infinite where CT and section do not agree.
    """
    values, high = smooth[background | inner], np.inf
    floor = smooth[background].max(initial=-np.inf)
    while values.size and values.min() < values.max():
        level = float(threshold_otsu(values))
        if level <= floor:
            break
        if (smooth[inner] > level).mean() >= TISSUE_SHARE:
            return level, high
        values, high = values[values <= level], level
    return np.inf, np.inf


def _bone_like(
    smooth: np.ndarray, bone: Peak | None, background: float, pixel_um: float
) -> np.ndarray:
    """Pixels at mature bone's level, small pores included."""
    if bone is None:
        return np.zeros(smooth.shape, bool)
    dense = smooth > background + BONE_LEVEL * (bone.grey - background)
    size = 2 * round(PORE_UM / 2 / pixel_um) + 1
    dense = ndimage.binary_closing(np.pad(dense, size), disk(size // 2))[size:-size, size:-size]
    return dense & (smooth <= bone.grey + GATE_SIGMAS * bone.sigma_above)


def _darkest(values: np.ndarray) -> Peak | None:
    """Return the darkest peak, looked at closely: titanium leaves it few of all values' bins.

    Where the closer look splits the peak, as at a floor of equal values, the whole peak counts.
    """
    found = peaks(values)
    if not found:
        return None
    closer = peaks(values[values < found[0].grey + ZOOM_SIGMAS * found[0].sigma_above])
    kept, all_of_it = (_near(values, peak).sum() for peak in ((closer or found)[0], found[0]))
    return closer[0] if closer and kept >= ZOOM_SHARE * all_of_it else found[0]


def _last(found: list[Peak]) -> Peak | None:
    """Return the brightest peak that is more than the blurred rim of something brighter."""
    return next((peak for peak in reversed(found) if peak.share >= BONE_SHARE), None)


def _near(smooth: np.ndarray, peak: Peak | None) -> np.ndarray:
    """Pixels whose level is that of a peak; the narrower flank is the uncontaminated one."""
    if peak is None:
        return np.zeros(smooth.shape, bool)
    reach = GATE_SIGMAS * min(peak.sigma_below, peak.sigma_above)
    return np.abs(smooth - peak.grey) <= reach


def shrunk(region: np.ndarray, pixel_um: float, margin_um: float) -> np.ndarray:
    """Region without its rim of ``margin_um``, one pixel at least; the image's border is no rim."""
    return ndimage.distance_transform_edt(region) > max(margin_um / pixel_um, 1.0)


def _grow(region: np.ndarray, radius_um: float, pixel_um: float) -> np.ndarray:
    """Region and everything within a distance of it."""
    if not region.any():
        return region
    return ndimage.distance_transform_edt(~region) * pixel_um <= radius_um


def _enough(
    reference: np.ndarray, background: np.ndarray, settings: NormalizeSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return the regions if they are large enough to measure."""
    for name, region in ((settings.reference_class, reference), ("Background", background)):
        check_size(name, region, settings)
    return reference, background


def check_size(name: str, region: np.ndarray, settings: NormalizeSettings) -> None:
    """Refuse a region with fewer than ``min_roi_px`` pixels.

    Raises
    ------
    InputError
        Naming the region and what to do.
    """
    if region.sum() < settings.min_roi_px:
        raise InputError(
            f"normalize: {name} region has {region.sum()} px, fewer than min_roi_px "
            f"{settings.min_roi_px}; draw a {name} annotation in QuPath and name the file in the "
            "sheet, or lower erode_um"
        )
