"""A whole volume: its slabs stained and kept, then put together and written."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import tee

import numpy as np

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.rgba import write_rgba
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.ct_plane import AsTrained, PaperFilter
from virtual_staining.progress import progress
from virtual_staining.stain.fusion import alpha_channel, clear, fuse
from virtual_staining.stain.glass import Glass
from virtual_staining.stain.kept_slabs import KeptSlabs
from virtual_staining.stain.section_planes import ABSENT_DEVIATION, SectionPlanes
from virtual_staining.stain.slabs import (
    LAYER_PLANES,
    SECTION,
    Slab,
    Stain,
    filtered_slab,
    slabs_along,
    stain_slab,
)
from virtual_staining.stain.specimen import SpecimenPlanes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Staining:
    """A volume, and all that its colours depend on.

    Parameters
    ----------
    ct : VolumeLevel
        The CT, raw grey levels; transparent where it was not measured.
    scaling : (scale, offset)
        Its normalization.
    stain_plane : callable
        Stains a normalized plane.
    plane_filter : AsTrained or PaperFilter
        Makes the planes to stain of the volume.
    axes : sequence of {'z', 'y', 'x', 'section'}
        Axes along which the volume is stained.
    specimen : SpecimenPlanes or None
        Where it is stained; None for everywhere.
    section : SectionPlanes or None
        The planes of the axis 'section'.
    glass : Glass or None
        Air in the specimen's outline, which is left white; None for no such air.
    """

    ct: VolumeLevel
    scaling: tuple[float, float]
    stain_plane: Stain
    plane_filter: AsTrained | PaperFilter
    axes: Sequence[str] = ("z",)
    specimen: SpecimenPlanes | None = None
    section: SectionPlanes | None = None
    glass: Glass | None = None

    @cached_property
    def slabs(self) -> list[Slab]:
        """All slabs of the volume, along one axis after the other."""
        shape = self.ct.array.shape
        return [
            slab
            for axis in self.axes
            for slab in (self._parallel.slabs if axis == SECTION else slabs_along(axis, shape))
        ]

    @property
    def _parallel(self) -> SectionPlanes:
        assert self.section is not None  # the command has made them
        return self.section

    def stain(self, kept: KeptSlabs, slabs: Sequence[Slab]) -> None:
        """Stain those of some slabs that are not kept yet, and keep each when it is finished."""
        missing = [slab for slab in slabs if not kept.has(slab)]
        if len(missing) < len(slabs):
            log.info("%d of %d slabs are there already", len(slabs) - len(missing), len(slabs))
        total = sum(slab.stop - slab.start for slab in missing)
        with progress(total, "staining", "plane", log) as advance:
            for slab in missing:
                kept.keep(slab, *self._stained(slab))
                advance(slab.stop - slab.start)

    def _stained(self, slab: Slab) -> tuple[np.ndarray, np.ndarray]:
        specimen = self.specimen
        if slab.axis == SECTION:
            planes = self._parallel.planes(slab)
            inside, absent = None, ABSENT_DEVIATION
            if specimen:
                inside = self._parallel.inside(slab, specimen)
        else:
            planes, absent = filtered_slab(self.ct.array, slab, self.plane_filter), 0.0
            inside = specimen and (lambda k: specimen.plane(slab.axis, slab.start + k))
        return stain_slab(planes, self.scaling, self.stain_plane, inside, absent)

    def layer(
        self, kept: KeptSlabs, axis: str, low: int, high: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Read some z-slices of the volume as they were stained along an axis.

        Parameters
        ----------
        kept : KeptSlabs
            Holds all slabs.
        axis : {'z', 'y', 'x', 'section'}
        low, high : int
            First z-slice, and the slice behind the last.

        Returns
        -------
        rgb : ndarray, uint8, shape (3, z, y, x)
            White outside the specimen.
        deviation : ndarray, float32, shape (z, y, x)
            8-bit levels.
        """
        if axis != SECTION:
            return kept.layer([slab for slab in self.slabs if slab.axis == axis], low, high)
        rgb, deviation = self._parallel.layer(kept, low, high)
        for z in range(low, high) if self.specimen else ():
            outside = ~self.specimen.plane("z", z)
            rgb[:, z - low, outside], deviation[z - low, outside] = 255, 0
        return rgb, deviation


def write_stained_volume(staining: Staining, kept: KeptSlabs, out: StainedVolumeFolder) -> None:
    """Put the kept slabs of a volume together and write its colours and their uncertainty.

    Parameters
    ----------
    staining : Staining
        The volume.
    kept : KeptSlabs
        All slabs of the volume.
    out : StainedVolumeFolder
        Receives ``rgba.ome.zarr`` and ``rgba.tif``.
    """
    ct = staining.ct

    def slices() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        with progress(ct.array.shape[0], "writing", "slice", log) as advance:
            for z, rgb, deviation in fused_slices(staining, kept):
                rgba = np.concatenate([rgb, alpha_channel(rgb)[None]])
                if ct.measured is not None:
                    gone = np.asarray(ct.measured[z]) == 0
                    clear(rgba, gone)
                    deviation[gone] = 0
                yield rgba[:, None], deviation[None]
                advance(1)

    # The writer takes a slice of colours and then its deviation, so that one slice waits.
    first, second = tee(slices())
    colours, deviations = (rgba for rgba, _ in first), (deviation for _, deviation in second)
    size = ct.array.shape, ct.voxel_size_um
    write_rgba(out, colours, *size, staining.scaling, staining.axes, deviations)


def fused_slices(
    staining: Staining, kept: KeptSlabs
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield each z-slice of a volume, read from the kept slabs of all axes a layer at a time.

    Yields
    ------
    z : int
    rgb : ndarray, uint8 (3, y, x)
    deviation : ndarray, float32 (y, x)
        8-bit levels.
    """
    depth = staining.ct.array.shape[0]
    for low in range(0, depth, LAYER_PLANES):
        high = min(low + LAYER_PLANES, depth)
        layers = [staining.layer(kept, axis, low, high) for axis in staining.axes]
        glass = None if staining.glass is None else staining.glass.layer(low, high)
        for z in range(low, high):
            rgb, deviation = fuse(
                np.stack([colours[:, z - low] for colours, _ in layers]),
                np.stack([values[z - low] for _, values in layers]),
            )
            if glass is not None:
                rgb[:, glass[z - low]], deviation[glass[z - low]] = 255, 0
            yield z, rgb, deviation
