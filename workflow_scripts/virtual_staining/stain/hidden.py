"""A question about volumes without a section: whether an implant fills a hollow of the bone."""

from virtual_staining.artefacts.specimen import searched
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.tissue.hollow import hollow_um
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.stain.specimen import SpecimenPlanes


def hidden_implant(
    levels: list[VolumeLevel],
    scaling: tuple[float, float],
    specimen: SpecimenPlanes,
    mask: MaskSettings,
    normalize: NormalizeSettings,
) -> str:
    """Return a sentence if an implant that the CT does not show may fill a hollow of the bone.

    Parameters
    ----------
    levels, scaling
        As in :func:`~virtual_staining.artefacts.specimen.specimen_of_volume`.
    specimen : SpecimenPlanes
        The outline.
    mask, normalize
        As for ``levels``.

    Returns
    -------
    str
        Empty without such a hollow.
    """
    level, _, voxel_um = searched(levels, scaling, normalize)
    outline = specimen.outline(level.shape, voxel_um)
    wide = hollow_um(level, outline, voxel_um, mask.rigid_level)
    if wide is None:
        return ""
    return (
        f"the bone has a hollow {wide:.0f} µm wide that is as dark as the background; if an "
        "implant as bright as the medium fills it, what of it lies beside the bone is not "
        "stained: set stain: specimen_only: false"
    )
