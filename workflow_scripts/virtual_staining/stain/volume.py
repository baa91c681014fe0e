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
from virtual_staining.stain.kept_slabs import KeptSlabs
from virtual_staining.stain.slabs import (
    LAYER_PLANES,
    Slab,
    Stain,
    filtered_slab,
    slabs_of,
    stain_slab,
)
from virtual_staining.stain.specimen import Specimen

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
    axes : sequence of {'z', 'y', 'x'}
        Axes along which the volume is stained.
    specimen : Specimen or None
        Where it is stained; None for everywhere.
    """

    ct: VolumeLevel
    scaling: tuple[float, float]
    stain_plane: Stain
    plane_filter: AsTrained | PaperFilter
    axes: Sequence[str] = ("z",)
    specimen: Specimen | None = None

    @cached_property
    def slabs(self) -> list[Slab]:
        """All slabs of the volume, along one axis after the other."""
        return slabs_of(self.ct.array.shape, self.axes)

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
        planes = filtered_slab(self.ct.array, slab, self.plane_filter)
        specimen = self.specimen
        inside = specimen and (lambda k: specimen.plane(slab.axis, slab.start + k))
        return stain_slab(planes, self.scaling, self.stain_plane, inside)


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
    write_rgba(out, colours, ct.array.shape, ct.voxel_size_um, staining.scaling, deviations)


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
    along = [[s for s in staining.slabs if s.axis == axis] for axis in staining.axes]
    for low in range(0, depth, LAYER_PLANES):
        high = min(low + LAYER_PLANES, depth)
        layers = [kept.layer(slabs, low, high) for slabs in along]
        for z in range(low, high):
            rgb = np.stack([colours[:, z - low] for colours, _ in layers])
            deviation = np.stack([values[z - low] for _, values in layers])
            yield z, *fuse(rgb, deviation)
