"""What the registered sections of a scan show over its materials: clear, stained or opaque."""

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.absorbance import clear_and_opaque, slide_absorbance, smoothed
from virtual_staining.imaging.tissue.mode import Mode
from virtual_staining.imaging.tissue.witnesses import LEAST_PIXELS, NEW_BONE_UM, Seen
from virtual_staining.settings.normalize import NormalizeSettings

# Pixels so near to another kind are left out: registration and cutting move outlines, px.
RIM_PX = 2
# Side of the neighbourhood of one kind and mode that a pixel without blurred edges has, px.
CORE_PX = 7
# Half the width of glass beside a specimen; vessels and cracks are narrower, µm.
OPEN_GLASS_UM = 200.0


def seen_on(
    pairs: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray, float]],
    modes: list[Mode],
    settings: NormalizeSettings,
) -> Seen:
    """Count over each mode of a scan what all of its sections show there.

    Parameters
    ----------
    pairs : iterable of (ct, slide, valid, pixel_um)
        Registered CT plane (y, x), section (y, x, 3), where both hold data, and pixel size, µm.
    modes : list of Mode
        From dark to bright.
    settings : NormalizeSettings

    Returns
    -------
    Seen

    Raises
    ------
    InputError
        If a section is uniform or shares no pixel with its CT.
    """
    bounds = [mode.low for mode in modes[1:]]
    counts = {kind: np.zeros(len(modes), int) for kind in ("clear", "opaque", "stained")}
    stained, glass = [], []
    for ct, slide, valid, pixel_um in pairs:
        absorbance = slide_absorbance(slide, valid, pixel_um, settings.smooth_um)
        clear, opaque = clear_and_opaque(absorbance, valid, settings.opaque_absorbance)
        number = np.digitize(smoothed(ct, pixel_um, settings.smooth_um), bounds)
        kinds = {"clear": clear, "opaque": opaque, "stained": ~clear & ~opaque}
        for kind, region in kinds.items():
            inner = valid & (ndimage.distance_transform_edt(region) > RIM_PX)
            counts[kind] += np.bincount(number[inner], minlength=len(modes))
        mature = ndimage.distance_transform_edt(~opaque) * pixel_um > NEW_BONE_UM
        core = mature & _cores(number, valid & ~clear & ~opaque)
        stained.append(np.stack([number[core], ct[core]]))
        open_glass = ndimage.distance_transform_edt(clear) * pixel_um > OPEN_GLASS_UM
        glass.append(ct[open_glass & valid])
    return Seen(
        **counts,
        stained_grey=_stained_greys(stained, len(modes)),
        glass=np.concatenate(glass or [np.empty(0)]),
    )


def _stained_greys(stained: list[np.ndarray], count: int) -> np.ndarray:
    """Median CT grey of each mode's stained pixels, given as (mode, grey); NaN for too few."""
    numbers, greys = np.concatenate(stained or [np.empty((2, 0))], axis=1)
    own = [greys[numbers == number] for number in range(count)]
    return np.array([np.median(g) if g.size >= LEAST_PIXELS else np.nan for g in own])


def _cores(number: np.ndarray, stained: np.ndarray) -> np.ndarray:
    """Return the stained pixels, bool (y, x), whose neighbours are stained and of one mode."""
    same = ndimage.maximum_filter(number, CORE_PX) == ndimage.minimum_filter(number, CORE_PX)
    return same & ndimage.minimum_filter(stained, CORE_PX)
