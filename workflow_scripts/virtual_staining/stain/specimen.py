"""Where the specimen lies in a volume, seen from any axis; nothing else is stained."""

import numpy as np

from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.ct_plane import AsTrained
from virtual_staining.imaging.geometry import PlaneGrid
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.stain.slabs import AXES
from virtual_staining.stain.specimen_outline import OUTLINE_UM, specimen_outline

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
    voxel_um : float
        Voxel size of the volume, µm.
    """

    def __init__(
        self, outlines: np.ndarray, ratio: float, shape: tuple[int, int, int], voxel_um: float
    ):
        self._outlines, self._shape, self._voxel_um = outlines, shape, voxel_um
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

    def cut(self, grid: PlaneGrid) -> np.ndarray:
        """Return which pixels of any plane show the specimen, bool, on the pixels of the plane."""
        points_um = grid.to_volume.to_volume(grid.centers_um())[:, ::-1]
        voxels = np.floor(points_um / self._voxel_um).astype(int)
        within = ((voxels >= 0) & (voxels < self._shape)).all(1)
        shown = np.zeros(len(voxels), bool)
        places = (n[k] for n, k in zip(self._nearest, voxels[within].T, strict=True))
        shown[within] = self._outlines[tuple(places)]
        return shown.reshape(grid.shape)


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
    return Specimen(np.array(outlines), ratio, (z, y, x), levels[0].voxel_size_um)
