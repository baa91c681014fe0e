"""Where a stained volume shows clear glass inside the specimen's outline: air open to the outside.

Where air lies is found in a coarse copy of the volume; what of it is dense on the finest voxels is
none. So memory is bounded by a layer, and bone keeps its edge.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from virtual_staining.artefacts.specimen import SearchedCopy, bone_level
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.tissue.open_air import open_air
from virtual_staining.imaging.tissue.specimen import dense_matter
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

REACH = 3  # slices that the blur of ``dense_matter`` reaches


@dataclass(frozen=True)
class Glass:
    """The open air of a volume.

    Parameters
    ----------
    ct : VolumeLevel
        The volume at its finest voxels, raw grey levels.
    scaling : (scale, offset)
        Its normalization.
    air : ndarray, bool, shape (z, y, x)
        Of :func:`~virtual_staining.imaging.tissue.open_air.open_air`.
    air_um : float
        Voxel size of ``air``, µm.
    mask : MaskSettings
        Says what is dense.
    normalize : NormalizeSettings
        What the volume is normalized to.
    """

    ct: VolumeLevel
    scaling: tuple[float, float]
    air: np.ndarray
    air_um: float
    mask: MaskSettings
    normalize: NormalizeSettings

    def layer(self, low: int, high: int) -> np.ndarray:
        """Return which voxels of the z-slices ``low`` to before ``high`` show glass, bool."""
        shape = self.ct.array.shape
        ratio = self.ct.voxel_size_um / self.air_um
        edge = 0.5 * ratio - 0.5  # place of the first voxel's middle in the coarse copy
        share = ndimage.affine_transform(
            self.air.view(np.uint8),
            np.full(3, ratio),
            (low * ratio + edge, edge, edge),
            output_shape=(high - low, *shape[1:]),
            output=np.float32,
            order=1,
            mode="nearest",
        )
        found = share >= 0.5
        if found.any():
            first, last = max(low - REACH, 0), min(high + REACH, shape[0])
            scale, offset = np.float32(self.scaling[0]), np.float32(self.scaling[1])
            grey = np.asarray(self.ct.array[first:last], np.float32)
            level = bone_level(scale * grey + offset, self.normalize)
            dense = dense_matter(level, self.mask.rigid_level)
            found &= ~dense[low - first : high - first]
        return found


def find_glass(
    ct: VolumeLevel,
    scaling: tuple[float, float],
    copy: SearchedCopy,
    outline: np.ndarray,
    mask: MaskSettings,
    normalize: NormalizeSettings,
) -> Glass:
    """Find the air in the outline of a volume's specimen that is open to the outside.

    Parameters
    ----------
    ct, scaling
        As of :class:`Glass`.
    copy : SearchedCopy
        Of the volume.
    outline : ndarray of bool, shape (z, y, x)
        The specimen on the copy's voxels.
    mask, normalize
        As of :class:`Glass`.
    """
    air = open_air(copy.level, copy.measured, outline, copy.voxel_um, mask.rigid_level)
    return Glass(ct, scaling, air, copy.voxel_um, mask, normalize)
