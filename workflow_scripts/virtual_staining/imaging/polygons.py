"""Polygons in pixels of the original slide, brought to the registered pair's pixel grid."""

import numpy as np
import shapely
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry


def to_pair_pixels(geometry: BaseGeometry, transform: dict) -> BaseGeometry:
    """Carry a geometry from original slide pixels to pixels of the registered pair.

    Parameters
    ----------
    geometry : shapely geometry
        In stored pixels (x, y) of the original slide.
    transform : dict
        The pair's ``transform.json``; uses ``slide_px_to_um``, ``pair_to_slide`` and
        ``pair_pixel_um``.

    Returns
    -------
    shapely geometry
        In pair pixels (x, y), origin at the outer corner of the first pixel: the centre of pixel
        (row r, column c) is (c + 0.5, r + 0.5).
    """
    pair_to_slide = np.asarray(transform["pair_to_slide"], float)
    to_pair = np.linalg.inv(pair_to_slide[:, :2]) / transform["pair_pixel_um"]
    slide_px_to_um = np.asarray(transform["slide_px_to_um"], float)
    matrix = to_pair @ slide_px_to_um[:, :2]
    offset = to_pair @ (slide_px_to_um[:, 2] - pair_to_slide[:, 2])
    return affine_transform(geometry, [*matrix.ravel(), *offset])


def rasterize(
    geometries: list[BaseGeometry], transform: dict, shape: tuple[int, int]
) -> np.ndarray:
    """Mark the pair's pixels whose centres lie inside any of the geometries.

    Parameters
    ----------
    geometries : list of shapely geometry
        In stored pixels (x, y) of the original slide.
    transform : dict
        As in :func:`to_pair_pixels`.
    shape : (rows, columns)
        Size of the pair, px.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    inside = np.zeros(shape, bool)
    for geometry in geometries:
        area = to_pair_pixels(geometry, transform)
        left, top, right, bottom = area.bounds
        rows = slice(max(int(top), 0), min(int(np.ceil(bottom)), shape[0]))
        columns = slice(max(int(left), 0), min(int(np.ceil(right)), shape[1]))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            continue
        shapely.prepare(area)
        y, x = np.mgrid[rows, columns]
        inside[rows, columns] |= shapely.contains_xy(area, x + 0.5, y + 0.5)
    return inside
