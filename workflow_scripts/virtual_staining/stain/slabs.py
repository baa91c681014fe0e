"""From CT slabs to RGBA slabs: filter, scale, stain slice by slice, alpha (paper 2.11)."""

from collections.abc import Callable, Iterator

import numpy as np

from virtual_staining.imaging.ct_plane import AsTrained, PaperFilter

SLAB_BYTES = 64 * 2**20  # of CT in one slab


def alpha_channel(rgb: np.ndarray) -> np.ndarray:
    """Return ``255 - mean(R, G, B)``, rounded half up, uint8 (paper 2.11).

    White background becomes transparent, dark tissue opaque.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (3, ...)
        Channels first.
    """
    total = rgb.sum(axis=0, dtype=np.uint16)
    # round(255 - total / 3) in integers
    return ((2 * (765 - total) + 3) // 6).astype(np.uint8)


def clear_unmeasured(rgba: np.ndarray, measured: np.ndarray) -> None:
    """Make a stained plane white and transparent where nothing was measured, in place.

    Parameters
    ----------
    rgba : ndarray, uint8 (4, y, x)
        The plane.
    measured : ndarray, bool (y, x)
        Where the CT was measured.
    """
    rgba[:3, ~measured] = 255
    rgba[3, ~measured] = 0


def filtered_slabs(
    array, plane_filter: AsTrained | PaperFilter, planes: int | None = None
) -> Iterator[np.ndarray]:
    """Filter a volume slab by slab, as if it were done at once.

    Each slab is read with as many neighbouring planes as the filter reaches.

    Parameters
    ----------
    array : zarr.Array or ndarray, shape (z, y, x)
        Read in slices along z.
    plane_filter : AsTrained or PaperFilter
        What makes the planes to stain of a slab; the volume's border repeats itself.
    planes : int, optional
        Thickness of a slab; by default what fits ``SLAB_BYTES``.

    Yields
    ------
    ndarray, float32, shape (dz, y, x)
    """
    n, height, width = array.shape
    planes = planes or max(1, SLAB_BYTES // (height * width * 4))
    halo = plane_filter.reach
    for start in range(0, n, planes):
        stop = min(start + planes, n)
        low = max(start - halo, 0)
        slab = np.asarray(array[low : min(stop + halo, n)], np.float32)
        yield plane_filter(slab)[start - low : stop - low]


def stained_slabs(
    slabs: Iterator[np.ndarray],
    scaling: tuple[float, float],
    stain: Callable[[np.ndarray], np.ndarray],
) -> Iterator[np.ndarray]:
    """Stain filtered slabs, each z-slice on its own.

    Parameters
    ----------
    slabs : iterator of ndarray, shape (dz, y, x)
        Raw CT grey levels, filtered.
    scaling : (scale, offset)
        ``normalized = scale * raw + offset``, clipped to 0–65535.
    stain : callable
        Maps a normalized plane (y, x), float32, to uint8 RGB (3, y, x).

    Yields
    ------
    ndarray, uint8, shape (4, 1, y, x)
        RGBA of one z-slice after the other.
    """
    scale, offset = scaling
    for slab in slabs:
        for plane in slab:
            rgb = stain(np.clip(scale * plane + offset, 0, 65535))
            yield np.concatenate([rgb, alpha_channel(rgb)[None]])[:, None]
