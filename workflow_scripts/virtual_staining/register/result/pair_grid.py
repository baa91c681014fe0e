"""The pair's pixel grid: the part of the section's plane in which section and volume hold data."""

import numpy as np
import shapely

from virtual_staining.imaging.geometry import PlaneGrid, SectionMap

PairGrid = PlaneGrid


def compose(pair_to_volume: SectionMap, slide_to_volume: SectionMap) -> np.ndarray:
    """Return the affine map pair µm → slide µm, shape (2, 3), of two maps into the same plane."""
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
        Slide µm to volume µm, into the same plane.
    slide_size_um : (width, height)
        µm.
    volume_size_um : (x, y, z)
        Edges of the volume, whose outer corner is the origin, µm.
    pixel_um : float
        Pixel size of the pair, µm.

    Returns
    -------
    PairGrid or None
        None if section and volume share no pixel.
    """
    width, height = slide_size_um
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], float)
    field = frame.to_slide(slide_to_volume.to_volume(corners))
    common = shapely.Polygon(field)
    reach = 10 * (max(slide_size_um) + max(volume_size_um))
    for axis in range(3):  # two opposite faces of the volume bound a strip of the plane
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
    """Return at which pixel centres both volume and section hold data, bool (rows, columns)."""
    points = grid.centers_um()
    in_volume = grid.to_volume.to_volume(points)
    in_slide = points @ pair_to_slide[:, :2].T + pair_to_slide[:, 2]
    inside = ((in_volume >= 0) & (in_volume <= volume_size_um)).all(1)
    inside &= ((in_slide >= 0) & (in_slide <= slide_size_um)).all(1)
    return inside.reshape(grid.shape)
