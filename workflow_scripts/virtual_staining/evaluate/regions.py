"""The parts of a pair that are compared apart: tissue, bone, soft tissue, the implant's ring."""

import numpy as np
from scipy import ndimage

from virtual_staining.imaging.tissue.classes import Tissue, stained_tissue


def tissue_regions(classes: np.ndarray, pixel_um: float, ring_um: float) -> dict[str, np.ndarray]:
    """Return the regions of :data:`virtual_staining.artefacts.patches.REGIONS` but the mask.

    Parameters
    ----------
    classes : ndarray of uint8, shape (y, x)
        Tissue classes of a pair.
    pixel_um : float
        Pixel size, µm.
    ring_um : float
        Width of the ring around the implant, µm.

    Returns
    -------
    dict
        Name to a bool image (y, x); all but the implant's rim and clear glass is in ``tissue``, and
        the others are parts of it.
    """
    tissue = stained_tissue(classes)
    implant = classes == Tissue.IMPLANT
    near = np.zeros_like(tissue)
    if implant.any():
        near = ndimage.distance_transform_edt(~implant) * pixel_um <= ring_um
    return {
        "tissue": tissue,
        "bone": tissue & (classes == Tissue.RIGID),
        "soft": tissue & (classes == Tissue.SOFT),
        "ring": tissue & near,
    }
