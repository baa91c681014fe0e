"""Which pixels are rigid (bone or implant), in the CT and on the slide, by intensity."""

import numpy as np
from scipy import ndimage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from virtual_staining.imaging.tissue.absorbance import clear_and_opaque, slide_absorbance, smoothed
from virtual_staining.imaging.tissue.faint_body import (
    BODY_HALF_THICKNESS_UM,
    FAINT_LEVEL,
    SMOOTH_UM,
)
from virtual_staining.imaging.tissue.hull import large_pieces
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import BONE
from virtual_staining.settings.normalize import NormalizeSettings as Normalize

# Colours of bone and soft tissue are learned where there are this many pixels of each, and from
# no more than that many.
LEAST_SAMPLES, MOST_SAMPLES = 200, 20000


def dense_ct(
    ct: np.ndarray, pixel_um: float, settings: MaskSettings, normalize: Normalize
) -> np.ndarray:
    """Mark the CT's pixels above ``rigid_level``.

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


def rigid_ct(
    ct: np.ndarray, pixel_um: float, settings: MaskSettings, normalize: Normalize
) -> np.ndarray:
    """Mark the CT's pixels above ``rigid_level``, and a faint implant.

    Parameters
    ----------
    ct, pixel_um, settings, normalize
        As in :func:`dense_ct`.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    dense = dense_ct(ct, pixel_um, settings, normalize)
    return dense | faint_implant(ct, pixel_um, settings, normalize)


def faint_implant(
    ct: np.ndarray, pixel_um: float, settings: MaskSettings, normalize: Normalize
) -> np.ndarray:
    """Mark a thick solid body that is fainter than bone and denser than dry soft tissue.

    A PEEK implant has 0.11 to 0.27 of bone's attenuation at 25 to 45 keV, no more than the blurred
    edge of bone; its thickness tells it from such edges, from the holder's wall and from trabeculae
    among marrow. A specimen in resin or water has a body like that too.

    Parameters
    ----------
    ct, pixel_um, settings, normalize
        As in :func:`rigid_ct`.

    Returns
    -------
    ndarray of bool, shape (y, x)
        All False where there is no such body.
    """
    span = normalize.bone_mean - normalize.background_mean
    level = (smoothed(ct, pixel_um, SMOOTH_UM) - normalize.background_mean) / span
    body = (level > FAINT_LEVEL) & (level < settings.rigid_level)
    core = ndimage.distance_transform_edt(body) * pixel_um > BODY_HALF_THICKNESS_UM
    if not core.any():
        return core
    reach_um = BODY_HALF_THICKNESS_UM + 2 * SMOOTH_UM
    return body & (ndimage.distance_transform_edt(~core) * pixel_um <= reach_um)


def opaque_implant(
    slide: np.ndarray, valid: np.ndarray, pixel_um: float, settings: MaskSettings
) -> np.ndarray:
    """Mark the implant that the section shows: its large opaque pieces.

    Parameters
    ----------
    slide : ndarray of uint8, shape (y, x, 3)
        Normalized section.
    valid : ndarray of bool, shape (y, x)
        Where both images hold data.
    pixel_um : float
        Pixel size, µm.
    settings : MaskSettings

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    absorbance = slide_absorbance(slide, valid, pixel_um, settings.smooth_um)
    _, opaque = clear_and_opaque(absorbance, valid, settings.opaque_absorbance)
    return large_pieces(opaque & valid, pixel_um, settings)


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
        From :func:`dense_ct`.
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
