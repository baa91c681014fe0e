"""Where the specimen lies in a volume, seen from any axis; nothing else is stained."""

from collections.abc import Sequence

import numpy as np

from virtual_staining.artefacts.specimen import SearchedCopy
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap
from virtual_staining.imaging.tissue import specimen as tissue
from virtual_staining.imaging.tissue.specimen import Specimen
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.stain.slabs import AXES


class SpecimenPlanes:
    """The specimen in the planes of a volume.

    White becomes transparent in the RGBA volume. Training uses no pixels outside the masks (paper
    2.8), so a model's colours outside the specimen mean nothing; the paper shows masked results for
    the same reason.

    Parameters
    ----------
    specimen : Specimen
    shape : (z, y, x)
        Of the volume.
    voxel_um : float
        Voxel size, µm.
    """

    def __init__(self, specimen: Specimen, shape: Sequence[int], voxel_um: float):
        self._specimen, self._shape, self._voxel_um = specimen, tuple(shape), voxel_um

    def plane(self, axis: str, index: int) -> np.ndarray:
        """Return which pixels of a plane of the volume show the specimen, bool."""
        number = AXES.index(axis)
        rows, columns = (k for k in range(3) if k != number)
        ways = np.eye(3)[::-1]  # of z, y, x, as (x, y, z)
        origin_um = (index + 0.5) * self._voxel_um * ways[number]
        shape = self._shape[rows], self._shape[columns]
        frame = SectionMap(origin_um, ways[columns], ways[rows])
        return self._covered(PlaneGrid(shape, self._voxel_um, frame))

    def outline(self, shape: Sequence[int], voxel_um: float) -> np.ndarray:
        """Return which voxels of another size show the specimen, bool, shape (z, y, x)."""
        coarse = SpecimenPlanes(self._specimen, shape, voxel_um)
        return np.stack([coarse.plane("z", z) for z in range(shape[0])])

    def cut(self, grid: PlaneGrid) -> np.ndarray:
        """Return which pixels of any plane show the specimen, bool, on the pixels of the plane."""
        shown = self._covered(grid)
        rows, columns = np.nonzero(shown)
        centers_um = (np.column_stack([columns, rows]) + 0.5) * grid.pixel_um
        points_um = grid.to_volume.to_volume(centers_um)[:, ::-1]
        edge_um = np.array(self._shape) * self._voxel_um
        shown[rows, columns] = ((points_um >= 0) & (points_um <= edge_um)).all(1)
        return shown

    def _covered(self, grid: PlaneGrid) -> np.ndarray:
        shown = np.zeros(grid.shape, bool)
        for piece in self._specimen.cut(grid):
            shown |= piece
        return shown


def find_specimen(ct: VolumeLevel, copy: SearchedCopy, mask: MaskSettings) -> SpecimenPlanes:
    """Find the specimen of a volume, as for the masks of its sections.

    Parameters
    ----------
    ct : VolumeLevel
        The volume at its finest voxels.
    copy : SearchedCopy
        Its copy.
    mask : MaskSettings
        Says what is rigid.
    """
    specimen = tissue.find_specimen(copy.level, copy.measured, copy.voxel_um, mask)
    return SpecimenPlanes(specimen, ct.array.shape, ct.voxel_size_um)
