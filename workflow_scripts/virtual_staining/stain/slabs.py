"""From CT to stained slabs: filter, scale, stain plane by plane (paper 2.11)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from virtual_staining.imaging.ct_plane import AsTrained, PaperFilter

AXES = "zyx"  # of all volumes, in this order
SECTION = "section"  # in place of an axis: planes parallel to a registered section
LAYER_PLANES = 16  # of the volume that are put together and written at a time
SLAB_BYTES = 256 * 2**20  # of CT in one slab
MOST_PLANES = 64  # of a slab; a killed job loses no more

Stain = Callable[[np.ndarray, np.ndarray | None], tuple[np.ndarray, np.ndarray]]
"""From a normalized plane (y, x) and where colours are needed, bool (y, x) or None for everywhere,
to RGB, uint8 (3, y, x), and their standard deviation, 8-bit levels, float32 (y, x)."""


@dataclass(frozen=True)
class Slab:
    """Consecutive planes of a volume along one of its axes, or parallel to a section.

    Parameters
    ----------
    axis : {'z', 'y', 'x', 'section'}
        Axis that the planes stand on.
    start, stop : int
        First plane, and the plane behind the last.
    """

    axis: str
    start: int
    stop: int

    @property
    def name(self) -> str:
        """A name that is unique in a volume."""
        return f"{self.axis}-{self.start:06d}"

    @property
    def number(self) -> int:
        """Place of the axis among z, y, x; planes parallel to a section are counted first."""
        return 0 if self.axis == SECTION else AXES.index(self.axis)


def slabs_along(axis: str, shape: Sequence[int], most_bytes: int = SLAB_BYTES) -> list[Slab]:
    """Divide the planes along an axis into slabs.

    Parameters
    ----------
    axis : {'z', 'y', 'x', 'section'}
        Axis that the planes stand on.
    shape : (int, int, int)
        (z, y, x) of the volume; of planes parallel to a section their number, rows and columns.
    most_bytes : int
        Most bytes of a slab in float32; a slab holds one plane at least.
    """
    n = shape[Slab(axis, 0, 0).number]
    planes = min(most_bytes // (4 * int(np.prod(shape)) // n), MOST_PLANES)
    planes = max(planes // LAYER_PLANES * LAYER_PLANES or planes, 1)
    return [Slab(axis, first, min(first + planes, n)) for first in range(0, n, planes)]


def filtered_slab(array, slab: Slab, plane_filter: AsTrained | PaperFilter) -> np.ndarray:
    """Read and filter a slab as if the whole volume were filtered at once.

    Parameters
    ----------
    array : zarr.Array or ndarray, shape (z, y, x)
        Is read with as many neighbouring planes as the filter reaches.
    slab : Slab
        Which planes.
    plane_filter : AsTrained or PaperFilter
        Makes the planes to stain; the volume's border repeats itself.

    Returns
    -------
    ndarray, float32
        The slab's planes along the first axis; the other two axes keep their order.
    """
    low = max(slab.start - plane_filter.reach, 0)
    high = min(slab.stop + plane_filter.reach, array.shape[slab.number])
    place = tuple(slice(low, high) if axis == slab.axis else slice(None) for axis in AXES)
    planes = np.moveaxis(np.asarray(array[place]), slab.number, 0).astype(np.float32, order="C")
    return plane_filter(planes)[slab.start - low : slab.stop - low]


def stain_slab(
    planes: np.ndarray,
    scaling: tuple[float, float],
    stain: Stain,
    inside: Callable[[int], np.ndarray] | None = None,
    absent: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Stain the filtered planes of a slab one by one.

    Parameters
    ----------
    planes : ndarray, shape (n, h, w)
        Raw CT grey levels, filtered.
    scaling : (scale, offset)
        ``normalized = scale * raw + offset``, clipped to 0–65535.
    stain : callable
        Stains a normalized plane.
    inside : callable, optional
        Returns for the number of a plane where colours are needed, bool (h, w). Without it all
        are. Planes where nothing is needed are not stained.
    absent : float
        Standard deviation that is returned where colours are not needed.

    Returns
    -------
    rgb : ndarray, uint8, shape (3, n, h, w)
        White where colours are not needed.
    deviation : ndarray, float32, shape (n, h, w)
        Their standard deviation over all results that were averaged, 8-bit levels.
    """
    scale, offset = scaling
    rgb = np.full((3, *planes.shape), 255, np.uint8)
    deviation = np.full(planes.shape, absent, np.float32)
    for k, plane in enumerate(planes):
        needed = None if inside is None else inside(k)
        if needed is not None and not needed.any():
            continue
        rgb[:, k], deviation[k] = stain(np.clip(scale * plane + offset, 0, 65535), needed)
        if needed is not None:
            rgb[:, k, ~needed], deviation[k, ~needed] = 255, absent
    return rgb, deviation
