"""Planes parallel to a registered section: as training saw them, stained, and brought back."""

from collections.abc import Callable, Iterable
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_dilation

from virtual_staining.artefacts.registration_failed import failure_of
from virtual_staining.artefacts.registration_place import read_confidence
from virtual_staining.artefacts.rgba import deviation_levels
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.ct_plane import thickness_offsets
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap
from virtual_staining.imaging.turned_grid import planes_across, sample
from virtual_staining.stain.kept_slabs import KeptPlanes, KeptSlabs
from virtual_staining.stain.slabs import SECTION, Slab, slabs_along
from virtual_staining.stain.specimen import SpecimenPlanes

AROUND_PX = 2
BLOCK = np.ones((3, 3), bool)
# Pixels that were not stained are white and as uncertain as black and white together, as no colour
# is.
EMPTY = 255
ABSENT_DEVIATION = float(deviation_levels(np.array(EMPTY)))


def most_certain(transforms: Iterable[str | Path]) -> Path | None:
    """Return the ``transform.json`` of the section that was registered with most confidence.

    Returns
    -------
    Path or None
        None if no section was registered. Of equal ones, the first.

    Raises
    ------
    InputError
        If a file is missing or damaged.
    """
    registered = [Path(path) for path in transforms if not failure_of(path)]
    if len(registered) < 2:  # a plane of the command section states no confidence
        return registered[0] if registered else None
    return max(registered, key=read_confidence)


class SectionPlanes:
    """The planes of a volume that are parallel to a section, one voxel apart.

    Parameters
    ----------
    ct : VolumeLevel
        The volume.
    frame : SectionMap
        µm on the section to µm in the volume.
    thickness_um : float
        Thickness that each plane is averaged through, µm, as the training pairs' planes are.
    """

    def __init__(self, ct: VolumeLevel, frame: SectionMap, thickness_um: float):
        self._ct = ct
        self._grid = planes_across(frame, ct.voxel_size_um, ct.array.shape)
        layers = thickness_offsets(thickness_um, ct.voxel_size_um) / ct.voxel_size_um
        self._shifts = layers[:, None] * self._grid.steps[0]

    @cached_property
    def slabs(self) -> list[Slab]:
        """All slabs of the planes."""
        return slabs_along(SECTION, self._grid.shape)

    def planes(self, slab: Slab) -> np.ndarray:
        """Sample the CT on the planes of a slab, as ``ct_plane`` does for pairs; float32."""
        _, height, width = self._grid.shape
        part = self._grid.part((slab.start, 0, 0), (slab.stop, height, width))
        return sample(_OneChannel(self._ct.array), part, self._shifts)[0]

    def inside(self, slab: Slab, specimen: SpecimenPlanes) -> Callable[[int], np.ndarray]:
        """Return a function from the number of a slab's plane to the pixels to stain, bool.

        They are the pixels of the specimen in this plane and the planes beside, and those around
        them: the colour of a voxel at the specimen's rim is interpolated from these.
        """

        @cache
        def cut(k: int) -> np.ndarray:
            return specimen.cut(self._plane(k))

        def of_plane(k: int) -> np.ndarray:
            beside = [cut(slab.start + k + step) for step in (-1, 0, 1)]
            return binary_dilation(np.any(beside, axis=0), BLOCK, AROUND_PX)

        return of_plane

    def _plane(self, k: int) -> PlaneGrid:
        """Return the pixels of the k-th plane."""
        voxel_um, steps = self._ct.voxel_size_um, self._grid.steps
        corner = self._grid.first + k * steps[0] - (steps[1] + steps[2]) / 2 + 0.5
        frame = SectionMap(corner[::-1] * voxel_um, steps[2][::-1], steps[1][::-1])
        return PlaneGrid(self._grid.shape[1:], voxel_um, frame)

    def layer(self, kept: KeptSlabs, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        """Interpolate some z-slices of the volume from the stained planes.

        Parameters
        ----------
        kept : KeptSlabs
            Holds all slabs.
        low, high : int
            First z-slice, and the slice behind the last.

        Returns
        -------
        rgb : ndarray, uint8, shape (3, z, y, x)
            White where no pixel around a voxel was stained.
        deviation : ndarray, float32, shape (z, y, x)
            8-bit levels.
        """
        _, height, width = self._ct.array.shape
        voxels = self._grid.seen_from(self._ct.array.shape)
        part = voxels.part((low, 0, 0), (high, height, width))
        values = sample(KeptPlanes(kept, self.slabs, self._grid.shape), part, empty=EMPTY)
        values[3, (values == EMPTY).all(0)] = 0
        rgb = np.floor(values[:3] + np.float32(0.5)).astype(np.uint8)
        return rgb, deviation_levels(values[3])


class _OneChannel:
    """A volume (z, y, x) as one of a single channel."""

    def __init__(self, array):
        self._array, self.shape = array, (1, *array.shape)

    def __getitem__(self, place: tuple[slice, ...]) -> np.ndarray:
        return np.asarray(self._array[place[1:]])[None]
