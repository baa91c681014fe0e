"""One-step resampling of the pair: the CT plane undistorted, the section moved onto it."""

from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from scipy.ndimage import map_coordinates

from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.similarity.scales import thickness_offsets

TILE_PX = 128  # a tile's bounding box in the volume stays small however oblique the plane


@dataclass(frozen=True)
class PairGrid:
    """The pair's pixel grid: shape (h, w), pixel size and rigid map of its µm to volume µm."""

    shape: tuple[int, int]
    pixel_um: float
    to_volume: SectionMap

    def centers_um(self) -> np.ndarray:
        """Return pair µm (x, y) of all pixel centres, shape (h * w, 2), row by row."""
        y, x = np.indices(self.shape)
        return (np.stack([x.ravel(), y.ravel()], 1) + 0.5) * self.pixel_um


def compose(pair_to_volume: SectionMap, slide_to_volume: SectionMap) -> np.ndarray:
    """Return the affine map pair µm → slide µm of two maps to the same plane, shape (2, 3)."""
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    origin, x, y = slide_to_volume.to_slide(pair_to_volume.to_volume(corners))
    return np.stack([x - origin, y - origin, origin], axis=1)


def common_grid(
    frame: SectionMap,
    slide_to_volume: SectionMap,
    slide_size_um: tuple[float, float],
    volume_size_um: tuple[float, float, float],
    pixel_um: float,
) -> PairGrid | None:
    """Crop the plane to the box around where both section and volume hold data (paper 2.3).

    Parameters
    ----------
    frame : SectionMap
        Rigid map of the uncropped pair's µm to volume µm.
    slide_to_volume : SectionMap
        Into the same plane.
    slide_size_um : (width, height)
    volume_size_um : (x, y, z)
        Edges of the volume, which starts at the origin.
    pixel_um : float
        Pixel size of the pair.

    Returns
    -------
    PairGrid or None
        None when they share no pixel.
    """
    width, height = slide_size_um
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    field = frame.to_slide(slide_to_volume.to_volume(corners))
    common = shapely.Polygon(field)
    reach = 10 * (max(slide_size_um) + max(volume_size_um))
    for axis in range(3):  # the two faces bound a strip of the plane
        slope = np.array([frame.u[axis], frame.v[axis]])
        steepness = np.linalg.norm(slope)
        start = frame.origin_um[axis]
        if steepness < 1e-9:
            if not 0 <= start <= volume_size_um[axis]:
                return None
            continue
        along = slope / steepness
        across = np.array([-along[1], along[0]])
        near, far = -start / steepness, (volume_size_um[axis] - start) / steepness
        strip = [
            near * along - reach * across,
            far * along - reach * across,
            far * along + reach * across,
            near * along + reach * across,
        ]
        common = common.intersection(shapely.Polygon(strip))
    if common.area < pixel_um**2:
        return None
    left, top, right, bottom = common.bounds
    shape = (
        max(1, int(np.floor((bottom - top) / pixel_um + 1e-6))),
        max(1, int(np.floor((right - left) / pixel_um + 1e-6))),
    )
    return PairGrid(
        shape, pixel_um, SectionMap(frame.to_volume([[left, top]])[0], frame.u, frame.v)
    )


def valid_mask(
    grid: PairGrid,
    pair_to_slide: np.ndarray,
    slide_size_um: tuple[float, float],
    volume_size_um: tuple[float, float, float],
) -> np.ndarray:
    """Return where (pixel centres) both volume and section hold data, bool (h, w)."""
    points = grid.centers_um()
    in_volume = grid.to_volume.to_volume(points)
    in_slide = points @ pair_to_slide[:, :2].T + pair_to_slide[:, 2]
    inside = ((in_volume >= 0) & (in_volume <= volume_size_um)).all(1)
    inside &= ((in_slide >= 0) & (in_slide <= slide_size_um)).all(1)
    return inside.reshape(grid.shape)


def resample_ct(volume, voxel_um: float, grid: PairGrid, thickness_um: float) -> np.ndarray:
    """Sample the plane of a volume, averaged through the section's thickness.

    Trilinear; tile by tile, reading only the blocks of the volume that the plane touches.

    Parameters
    ----------
    volume : array_like, uint16 (z, y, x)
        May be lazy (zarr): only sliced.
    voxel_um : float
    grid : PairGrid
    thickness_um : float
        0 for a single plane.

    Returns
    -------
    ndarray, uint16 (h, w)
        Outside the volume its nearest voxel.
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
    """Interpolate at voxel indices (..., 3) reading the bounding block only."""
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
    """Move the section onto the pair's grid by area averages.

    The slide is interpolated on a grid finer than its own pixels by a whole factor per pair pixel
    and averaged over each pair pixel.

    Parameters
    ----------
    slide : ndarray, uint8 (y, x, 3)
    slide_pixel_um : float
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
    # µm of outer corners to pixel indices of centres, on both sides
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
