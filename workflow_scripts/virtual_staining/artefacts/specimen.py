"""The specimen of an ingested volume, as the masks of its sections and its staining outline it."""

from dataclasses import dataclass

import numpy as np

from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.tissue.specimen import Specimen, find_specimen
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

# Longest side of the copy of a volume that is searched, voxels: a block of 6 mm has 40 µm voxels
# there, and the search takes some seconds and 300 MB.
MOST_VOXELS = 200


@dataclass(frozen=True)
class SearchedCopy:
    """The copy of a volume in which its specimen is searched.

    Parameters
    ----------
    level : ndarray of float32, shape (z, y, x)
        Grey levels, background 0 and bone 1; 0 where nothing was measured.
    measured : ndarray of bool, shape (z, y, x)
    voxel_um : float
        Voxel size, µm.
    """

    level: np.ndarray
    measured: np.ndarray
    voxel_um: float


def specimen_of_volume(
    levels: list[VolumeLevel],
    scaling: tuple[float, float],
    mask: MaskSettings,
    normalize: NormalizeSettings,
) -> Specimen:
    """Find the specimen of a volume in the finest level with at most ``MOST_VOXELS`` a side.

    Parameters
    ----------
    levels : list of VolumeLevel
        The volume, raw grey levels, finest first.
    scaling : (scale, offset)
        Its normalization.
    mask : MaskSettings
        Says what is rigid.
    normalize : NormalizeSettings
        What the volume is normalized to.
    """
    copy = searched(levels, scaling, normalize)
    return find_specimen(copy.level, copy.measured, copy.voxel_um, mask)


def searched(
    levels: list[VolumeLevel], scaling: tuple[float, float], normalize: NormalizeSettings
) -> SearchedCopy:
    """Read the copy of a volume in which its specimen is searched.

    Parameters
    ----------
    levels, scaling, normalize
        As in :func:`specimen_of_volume`.
    """
    small = [level for level in levels if max(level.array.shape) <= MOST_VOXELS]
    chosen = (small or levels[-1:])[0]
    grey = np.asarray(chosen.array[:], np.float32)
    measured = np.ones(grey.shape, bool)
    if chosen.measured is not None:
        measured = np.asarray(chosen.measured[:]) > 0
    level = bone_level(scaling[0] * grey + np.float32(scaling[1]), normalize)
    level[~measured] = 0
    return SearchedCopy(level, measured, chosen.voxel_size_um)


def bone_level(normalized: np.ndarray, normalize: NormalizeSettings) -> np.ndarray:
    """Return normalized grey levels on the way from background (0) to reference tissue (1)."""
    span = normalize.bone_mean - normalize.background_mean
    return ((normalized - normalize.background_mean) / span).astype(np.float32)
