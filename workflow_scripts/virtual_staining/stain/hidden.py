"""A question about volumes without a section: whether an implant fills a hollow of the bone."""

import numpy as np

from virtual_staining.artefacts.specimen import SearchedCopy
from virtual_staining.imaging.tissue.hollow import hollow_um
from virtual_staining.settings.mask import MaskSettings


def hidden_implant(copy: SearchedCopy, outline: np.ndarray, mask: MaskSettings) -> str:
    """Return a sentence if an implant that the CT does not show may fill a hollow of the bone.

    Parameters
    ----------
    copy : SearchedCopy
        Of the volume.
    outline : ndarray of bool, shape (z, y, x)
        The specimen on the copy's voxels.
    mask : MaskSettings
        Says what is dense.

    Returns
    -------
    str
        Empty without such a hollow.
    """
    wide = hollow_um(copy.level, outline, copy.voxel_um, mask.rigid_level)
    if wide is None:
        return ""
    return (
        f"the bone has a hollow {wide:.0f} µm wide that is as dark as the background; if an "
        "implant as bright as the medium fills it, what of it lies beside the bone is not "
        "stained: set stain: specimen_only: false"
    )
