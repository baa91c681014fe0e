"""Where the specimen lies in a volume, seen from any axis; nothing else is stained."""

from functools import cached_property

import numpy as np
from scipy.ndimage import maximum_filter

from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.ct_plane import AsTrained
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.stain.slabs import AXES
from virtual_staining.stain.specimen_outline import OUTLINE_UM, specimen_outline

# Voxels between which a point lies, seen from any side, differ by no more from the nearest voxel
# along z, y and x: half of 1 and the diagonal of a cube.
AROUND_POINT = 2
MOST_VOXELS = 512  # longest side of the copy of the volume in which the specimen is outlined


class Specimen:
    """The specimen's outline in all z-slices of a volume.

    White becomes transparent in the RGBA volume. Training uses no pixels outside the masks (paper
    2.8), so a model's colours outside the specimen mean nothing; the paper shows masked results for
    the same reason.

    Parameters
    ----------
    outlines : ndarray of bool, shape (z, y, x)
        The outlines, on larger voxels.
    ratio : float
        Edge of these voxels in voxels of the volume.
    shape : (z, y, x)
        Of the volume.
    """

    def __init__(self, outlines: np.ndarray, ratio: float, shape: tuple[int, int, int]):
        self._outlines, self._ratio, self._shape = outlines, ratio, shape
        self._nearest = [
            np.minimum((np.arange(n) + 0.5) / ratio, size - 1).astype(int)
            for n, size in zip(shape, outlines.shape, strict=True)
        ]

    def plane(self, axis: str, index: int) -> np.ndarray:
        """Return which pixels of a plane of the volume show the specimen, bool."""
        number = AXES.index(axis)
        coarse = self._outlines.take(self._nearest[number][index], number)
        rows, columns = (n for k, n in enumerate(self._nearest) if k != number)
        return coarse[rows][:, columns]

    def near(self, points: np.ndarray) -> np.ndarray:
        """Return which points may lie beside a voxel of the specimen, bool (...).

        Of a grid of points one voxel apart, turned in any way, these are at least all corners of
        the cubes that voxels of the specimen lie in.

        Parameters
        ----------
        points : ndarray, shape (..., 3)
            Indices (z, y, x) of any place in the volume or outside it.
        """
        voxels = [
            nearest[np.clip(np.rint(points[..., k]).astype(int), 0, n - 1)]
            for k, (nearest, n) in enumerate(zip(self._nearest, self._shape, strict=True))
        ]
        return self._grown[tuple(voxels)]

    @cached_property
    def _grown(self) -> np.ndarray:
        """The outlines, grown by AROUND_POINT voxels of the volume."""
        reach = int(np.ceil(AROUND_POINT / self._ratio))
        return maximum_filter(self._outlines.view(np.uint8), 2 * reach + 1).view(bool)


def find_specimen(
    levels: list[VolumeLevel],
    scaling: tuple[float, float],
    mask: MaskSettings,
    normalize: NormalizeSettings,
) -> Specimen:
    """Outline the specimen in the z-slices of a level of a volume.

    Parameters
    ----------
    levels : list of VolumeLevel
        The volume, raw grey levels, finest first.
    scaling : (scale, offset)
        Its normalization.
    mask, normalize
        As in :func:`~virtual_staining.stain.specimen_outline.specimen_outline`.
    """
    fitting = [level for level in levels if level.voxel_size_um <= OUTLINE_UM]
    small = [level for level in levels if max(level.array.shape) <= MOST_VOXELS]
    level = min((*fitting[-1:], *small[:1]), key=lambda found: max(found.array.shape))
    scale, offset = scaling
    smooth = AsTrained(0.0, level.voxel_size_um)  # one voxel's noise makes no outline
    values = smooth(np.asarray(level.array[:], np.float32))
    outlines = [
        specimen_outline(
            np.clip(scale * plane + offset, 0, 65535), level.voxel_size_um, mask, normalize
        )
        for plane in values
    ]
    ratio = level.voxel_size_um / levels[0].voxel_size_um
    z, y, x = levels[0].array.shape
    return Specimen(np.array(outlines), ratio, (z, y, x))
