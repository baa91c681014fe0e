"""Polygons in pixels of the original slide, brought to the registered pair's pixel grid."""

import numpy as np
import shapely
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry


def slide_px_to_pair_px(
    slide_px_to_um: np.ndarray, pair_to_slide: np.ndarray, pair_pixel_um: float
) -> np.ndarray:
    """Return the map from pixels of the original slide to pixels of the registered pair.

    Parameters
    ----------
    slide_px_to_um : ndarray, shape (2, 3)
        Stored pixels (x, y, 1) of the original slide to µm on the slide.
    pair_to_slide : ndarray, shape (2, 3)
        µm (x, y, 1) on the pair to µm on the slide.
    pair_pixel_um : float
        Pixel size of the pair, µm.

    Returns
    -------
    ndarray, shape (2, 3)
        To pair pixels (x, y), origin at the outer corner of the first pixel: the centre of pixel
        (row r, column c) is (c + 0.5, r + 0.5).
    """
    slide_to_pair = np.linalg.inv(pair_to_slide[:, :2]) / pair_pixel_um
    matrix = slide_to_pair @ slide_px_to_um[:, :2]
    offset = slide_to_pair @ (slide_px_to_um[:, 2] - pair_to_slide[:, 2])
    return np.column_stack([matrix, offset])


def rasterize(
    geometries: list[BaseGeometry], to_pair_px: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Mark the pair's pixels whose centres lie inside any of the geometries.

    Parameters
    ----------
    geometries : list of shapely geometry
        In stored pixels (x, y) of the original slide.
    to_pair_px : ndarray, shape (2, 3)
        From :func:`slide_px_to_pair_px`.
    shape : (rows, columns)
        Size of the pair, px.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    inside = np.zeros(shape, bool)
    for geometry in geometries:
        area = affine_transform(geometry, [*to_pair_px[:, :2].ravel(), *to_pair_px[:, 2]])
        left, top, right, bottom = area.bounds
        rows = slice(max(int(top), 0), min(int(np.ceil(bottom)), shape[0]))
        columns = slice(max(int(left), 0), min(int(np.ceil(right)), shape[1]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        shapely.prepare(area)
        y, x = np.mgrid[rows, columns]
        inside[rows, columns] |= shapely.contains_xy(area, x + 0.5, y + 0.5)
    return inside
