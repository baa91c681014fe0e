"""Resampling of CT plane and section onto the pair's grid, each in one step."""

import cv2
import numpy as np
from scipy.ndimage import map_coordinates

from virtual_staining.register.result.pair_grid import PairGrid
from virtual_staining.register.similarity.scales import thickness_offsets

TILE_PX = 128  # a tile's bounding box in the volume stays small however oblique the plane is


def resample_ct(volume, voxel_um: float, grid: PairGrid, thickness_um: float) -> np.ndarray:
    """Sample the plane of a volume, averaged through the section's thickness.

    Interpolation is trilinear. The plane is sampled tile by tile, so that only the parts of the
    volume near the plane are read.

    Parameters
    ----------
    volume : array_like, uint16 (z, y, x)
        Is only sliced, so it may be a Zarr array.
    voxel_um : float
    grid : PairGrid
    thickness_um : float
        Thickness of the section, µm; 0 for a single plane.

    Returns
    -------
    ndarray, uint16 (h, w)
        Points outside the volume take the value of its nearest voxel.
    """
    out = np.empty(grid.shape, np.uint16)
    shifts = thickness_offsets(thickness_um, voxel_um)[:, None] * grid.to_volume.normal
    for top in range(0, grid.shape[0], TILE_PX):
        for left in range(0, grid.shape[1], TILE_PX):
            tile = out[top : top + TILE_PX, left : left + TILE_PX]
            y, x = np.indices(tile.shape)
            points = (np.stack([left + x.ravel(), top + y.ravel()], 1) + 0.5) * grid.pixel_um
            center = grid.to_volume.to_volume(points)
            index = (center + shifts[:, None])[..., ::-1] / voxel_um - 0.5  # (plane, n, zyx)
            tile[:] = np.rint(_interpolate(volume, index).mean(0)).reshape(tile.shape)
    return out


def _interpolate(volume, index: np.ndarray) -> np.ndarray:
    """Interpolate a volume at voxel indices (..., 3), z, y, x; only their bounding box is read."""
    index = np.clip(index, 0, np.array(volume.shape) - 1)
    low = np.floor(index.min((0, 1))).astype(int)
    high = np.ceil(index.max((0, 1))).astype(int) + 1
    block = np.asarray(volume[tuple(slice(a, b) for a, b in zip(low, high, strict=True))])
    return map_coordinates(
        block, np.moveaxis(index - low, -1, 0), output=np.float32, order=1, mode="nearest"
    )


def resample_slide(
    slide: np.ndarray, slide_pixel_um: float, pair_to_slide: np.ndarray, grid: PairGrid, fill
) -> np.ndarray:
    """Resample the section onto the pair's grid by area averages.

    The slide is interpolated on a grid that divides each pair pixel into a whole number of pixels
    no larger than the slide's own, and averaged over each pair pixel.

    Parameters
    ----------
    slide : ndarray, uint8 (y, x, 3)
    slide_pixel_um : float
        Pixel size of ``slide``, µm.
    pair_to_slide : ndarray, shape (2, 3)
        Pair µm → slide µm.
    grid : PairGrid
    fill : sequence of 3 numbers
        Colour outside the slide.

    Returns
    -------
    ndarray, uint8 (h, w, 3)
    """
    factor = max(1, int(np.ceil(grid.pixel_um / slide_pixel_um - 1e-6)))
    fine_um = grid.pixel_um / factor
    matrix = pair_to_slide.copy()
    # from µm, measured from outer corners, to indices of pixel centres, on both sides
    matrix[:, 2] += matrix[:, :2] @ [fine_um / 2, fine_um / 2]
    matrix[:, :2] *= fine_um
    matrix /= slide_pixel_um
    matrix[:, 2] -= 0.5
    out = np.empty((*grid.shape, 3), np.uint8)
    for top in range(0, grid.shape[0], TILE_PX):
        rows = min(TILE_PX, grid.shape[0] - top)
        band = matrix.copy()
        band[:, 2] += matrix[:, 1] * top * factor
        fine = cv2.warpAffine(
            slide,
            band,
            (grid.shape[1] * factor, rows * factor),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=[float(c) for c in fill],
        )
        out[top : top + rows] = cv2.resize(
            fine, (grid.shape[1], rows), interpolation=cv2.INTER_AREA
        )
    return out
