"""What the registered sections of a scan show over its materials: clear, stained or opaque."""

from collections.abc import Iterable

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.absorbance import clear_and_opaque, slide_absorbance, smoothed
from virtual_staining.imaging.tissue.modes import Mode
from virtual_staining.imaging.tissue.scan_levels import Seen
from virtual_staining.settings.normalize import NormalizeSettings

# Pixels so near to another kind are left out: registration and cutting move outlines, px.
RIM_PX = 2


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
    for ct, slide, valid, pixel_um in pairs:
        absorbance = slide_absorbance(slide, valid, pixel_um, settings.smooth_um)
        clear, opaque = clear_and_opaque(absorbance, valid, settings.opaque_absorbance)
        number = np.digitize(smoothed(ct, pixel_um, settings.smooth_um), bounds)
        kinds = {"clear": clear, "opaque": opaque, "stained": ~clear & ~opaque}
        for kind, region in kinds.items():
            inner = valid & (ndimage.distance_transform_edt(region) > RIM_PX)
            counts[kind] += np.bincount(number[inner], minlength=len(modes))
    return Seen(**counts)
