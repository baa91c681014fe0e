"""Which pixels are rigid (bone or implant), in the CT and on the slide, by intensity."""

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from virtual_staining.imaging.tissue.absorbance import clear_and_opaque, slide_absorbance, smoothed
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import BONE
from virtual_staining.settings.normalize import NormalizeSettings as Normalize

# Colours of bone and soft tissue are learned where there are this many pixels of each, and from
# no more than that many.
LEAST_SAMPLES, MOST_SAMPLES = 200, 20000


def rigid_ct(
    ct: np.ndarray, pixel_um: float, settings: MaskSettings, normalize: Normalize
) -> np.ndarray:
    """Mark the CT's pixels at or above ``rigid_level``.

    Parameters
    ----------
    ct : ndarray of uint16, shape (y, x)
        Normalized CT.
    pixel_um : float
        Pixel size, µm.
    settings : MaskSettings
    normalize : Normalize
        What the CT was normalized to; uses ``bone_mean`` and ``background_mean``.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    span = normalize.bone_mean - normalize.background_mean
    level = normalize.background_mean + settings.rigid_level * span
    return smoothed(ct, pixel_um, settings.smooth_um) > level


def rigid_slide(
    slide: np.ndarray,
    in_ct: np.ndarray,
    valid: np.ndarray,
    pixel_um: float,
    settings: MaskSettings,
    reference_class: str,
) -> np.ndarray:
    """Mark the slide's pixels that are coloured like bone, or opaque.

    What bone looks like in this stain is learned from the pair itself: of the stained pixels, those
    that are rigid in the CT against those that are not, divided by a linear discriminant of the
    absorbances. Where there is too little soft tissue to tell, all stained pixels count.

    Parameters
    ----------
    slide : ndarray of uint8, shape (y, x, 3)
        Normalized section.
    in_ct : ndarray of bool, shape (y, x)
        From :func:`rigid_ct`.
    valid : ndarray of bool, shape (y, x)
        Where both images hold data.
    pixel_um : float
        Pixel size, µm.
    settings : MaskSettings
    reference_class : str
        Of the normalization; without bone everything stained counts.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    absorbance = slide_absorbance(slide, valid, pixel_um, settings.smooth_um)
    clear, opaque = clear_and_opaque(absorbance, valid, settings.opaque_absorbance)
    opaque &= valid
    stained = valid & ~opaque & ~clear
    if reference_class != BONE:
        return stained | opaque
    rigid, soft = absorbance[stained & in_ct], absorbance[stained & ~in_ct]
    if min(len(rigid), len(soft)) < LEAST_SAMPLES:
        return stained | opaque
    samples = [group[:: max(1, len(group) // MOST_SAMPLES)] for group in (soft, rigid)]
    labels = np.repeat([False, True], [len(group) for group in samples])
    model = LinearDiscriminantAnalysis(priors=[0.5, 0.5]).fit(np.concatenate(samples), labels)
    result = opaque.copy()
    result[stained] = model.predict(absorbance[stained])
    return result
