"""The CT plane that a network sees: the section's thickness averaged, in a pair and in a volume.

A pair's plane lies obliquely in the volume and is interpolated (:func:`ct_plane`); a volume is
stained along its own slices (:class:`AsTrained`), which no interpolation blurs. So that a network
finds there what it was trained on, the slices get the blur that interpolation gives on average.
"""

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter, map_coordinates

from virtual_staining.imaging.geometry import SectionMap

TILE_PX = 128  # a tile's bounding box in the volume stays small however oblique the plane
ALL_MEASURED = 0.999  # weight of the measured voxels of a pixel that counts as measured, at least
TRUNCATE = 4.0  # the Gaussian's reach in standard deviations
# Linear interpolation at a share f between two voxels has variance f (1 − f), 1/6 on average: that
# of these weights.
INTERPOLATION_BLUR = np.array([1, 10, 1]) / 12


def thickness_offsets(thickness_um: float, voxel_um: float) -> np.ndarray:
    """Return the distances from the plane (µm) at which a section of a thickness is sampled.

    The section is divided into equal layers, one for each voxel of thickness, and sampled in the
    middle of each; a section no thicker than a voxel gives ``[0.]``.
    """
    n = max(1, round(thickness_um / voxel_um))
    return ((np.arange(n) + 0.5) / n - 0.5) * (thickness_um if n > 1 else 0.0)


def ct_plane(
    volume,
    voxel_um: float,
    to_volume: SectionMap,
    shape: tuple[int, int],
    pixel_um: float,
    thickness_um: float,
) -> np.ndarray:
    """Sample a plane of a volume, averaged through the section's thickness along its normal.

    Interpolation is trilinear. The plane is sampled tile by tile, so that only the parts of the
    volume near the plane are read.

    Parameters
    ----------
    volume : array_like, uint16 (z, y, x)
        Is only sliced, so it may be a Zarr array.
    voxel_um : float
        Voxel size, µm.
    to_volume : SectionMap
        Rigid map of the plane's µm to volume µm.
    shape : (height, width)
        Pixels of the plane.
    pixel_um : float
        Pixel size, µm.
    thickness_um : float
        Section thickness, µm; 0 for a single plane.

    Returns
    -------
    ndarray, uint16 (height, width)
        Points outside the volume take the value of its nearest voxel.
    """
    out = np.empty(shape, np.uint16)
    for tile, values in _sampled_tiles(volume, voxel_um, to_volume, shape, pixel_um, thickness_um):
        out[tile] = np.rint(values)
    return out


def measured_plane(
    measured,
    voxel_um: float,
    to_volume: SectionMap,
    shape: tuple[int, int],
    pixel_um: float,
    thickness_um: float,
) -> np.ndarray:
    """Return where a plane of :func:`ct_plane` comes from measured voxels alone, bool (y, x).

    Parameters
    ----------
    measured : array_like, uint8 (z, y, x)
        1 where the volume was measured, else 0.
    voxel_um, to_volume, shape, pixel_um, thickness_um
        As in :func:`ct_plane`.
    """
    out = np.empty(shape, bool)
    for tile, values in _sampled_tiles(
        measured, voxel_um, to_volume, shape, pixel_um, thickness_um
    ):
        out[tile] = values > ALL_MEASURED
    return out


def _sampled_tiles(
    volume,
    voxel_um: float,
    to_volume: SectionMap,
    shape: tuple[int, int],
    pixel_um: float,
    thickness_um: float,
) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Yield the tiles of a plane with their values, float32, averaged through the section."""
    shifts = thickness_offsets(thickness_um, voxel_um)[:, None] * to_volume.normal
    for top in range(0, shape[0], TILE_PX):
        for left in range(0, shape[1], TILE_PX):
            rows, columns = (min(TILE_PX, n - at) for n, at in zip(shape, (top, left), strict=True))
            y, x = np.indices((rows, columns))
            points = (np.stack([left + x.ravel(), top + y.ravel()], 1) + 0.5) * pixel_um
            center = to_volume.to_volume(points)
            index = (center + shifts[:, None])[..., ::-1] / voxel_um - 0.5  # (plane, n, zyx)
            tile = slice(top, top + rows), slice(left, left + columns)
            yield tile, _interpolate(volume, index).mean(0).reshape(rows, columns)


class AsTrained:
    """Slices of a volume as :func:`ct_plane` gives planes in any orientation, on average.

    Parameters
    ----------
    thickness_um : float
        Section thickness that the training pairs' planes are averaged through, µm.
    voxel_um : float
        Voxel size, µm.
    """

    def __init__(self, thickness_um: float, voxel_um: float):
        self._along_z = np.convolve(_thickness_weights(thickness_um, voxel_um), INTERPOLATION_BLUR)
        self.reach = len(self._along_z) // 2

    def __call__(self, slab: np.ndarray) -> np.ndarray:
        """Filter a slab (z, y, x), float32; slices within ``reach`` of its ends lack neighbours."""
        for axis, weights in enumerate((self._along_z, INTERPOLATION_BLUR, INTERPOLATION_BLUR)):
            slab = correlate1d(slab, weights, axis, mode="nearest")
        return slab


class PaperFilter:
    """Slices of a volume as the paper stains them: after a 3D Gaussian (paper 2.11).

    Parameters
    ----------
    sigma_voxel : float
        Standard deviation, voxels.
    """

    def __init__(self, sigma_voxel: float):
        self._sigma = sigma_voxel
        self.reach = int(TRUNCATE * sigma_voxel + 0.5)

    def __call__(self, slab: np.ndarray) -> np.ndarray:
        """Filter a slab (z, y, x), float32; slices within ``reach`` of its ends lack neighbours."""
        return gaussian_filter(slab, self._sigma, mode="nearest", truncate=TRUNCATE)


def _thickness_weights(thickness_um: float, voxel_um: float) -> np.ndarray:
    """Weights of the slices around one, an odd number of them, that average a section."""
    offsets = thickness_offsets(thickness_um, voxel_um) / voxel_um
    half = int(np.ceil(offsets.max()))
    slices = np.arange(-half, half + 1)
    return np.maximum(0, 1 - np.abs(slices[:, None] - offsets)).mean(axis=1)


def _interpolate(volume, index: np.ndarray) -> np.ndarray:
    """Interpolate a volume at voxel indices (..., 3), z, y, x; only their bounding box is read."""
    index = np.clip(index, 0, np.array(volume.shape) - 1)
    low = np.floor(index.min((0, 1))).astype(int)
    high = np.ceil(index.max((0, 1))).astype(int) + 1
    block = np.asarray(volume[tuple(slice(a, b) for a, b in zip(low, high, strict=True))])
    return map_coordinates(
        block, np.moveaxis(index - low, -1, 0), output=np.float32, order=1, mode="nearest"
    )
