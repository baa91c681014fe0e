"""Regions drawn on a slide in QuPath, brought to the grid of the registered pair.

QuPath's GeoJSON holds polygons in pixels of the original full-resolution slide as its file stores
them, origin at the outer corner of the first pixel, each with a class name.
"""

import json
import logging
from collections.abc import Collection
from pathlib import Path

import numpy as np
import shapely
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from virtual_staining.errors import InputError

log = logging.getLogger(__name__)

BACKGROUND = "Background"
EXCLUDE = "Exclude"


def read_annotations(path: str | Path, classes: Collection[str]) -> dict[str, list[BaseGeometry]]:
    """Read the classified polygons of a QuPath GeoJSON file.

    Parameters
    ----------
    path : path
        A FeatureCollection, a bare list of features or one feature. Geometries are Polygon (holes
        included) or MultiPolygon.
    classes : collection of str
        The class names that may occur.

    Returns
    -------
    dict
        Class name to its geometries, in pixels (x, y) of the original slide; every name of
        ``classes`` is a key. Self-crossing outlines are repaired.

    Raises
    ------
    InputError
        If the file is missing or not GeoJSON, or a feature has no class, an unknown class or a
        geometry without area; the message names the file and the feature.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such annotation file") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not valid JSON ({error}); export GeoJSON in QuPath") from error
    found = {name: [] for name in classes}
    for number, feature in enumerate(_features(content, path), start=1):
        where = f"{path}: feature {number}"
        found[_class_name(feature, classes, where)].append(_area(feature, where))
    return found


def _features(content: object, path: str | Path) -> list[dict]:
    """Return the features of any of the three layouts that QuPath writes."""
    if isinstance(content, dict) and content.get("type") == "FeatureCollection":
        content = content.get("features")
    elif isinstance(content, dict) and content.get("type") == "Feature":
        content = [content]
    if not isinstance(content, list) or not all(isinstance(f, dict) for f in content):
        raise InputError(f"{path}: not GeoJSON; expected a FeatureCollection or a feature list")
    return content


def _class_name(feature: dict, classes: Collection[str], where: str) -> str:
    properties = feature.get("properties") or {}
    name = (properties.get("classification") or {}).get("name")
    expected = ", ".join(classes)
    if name is None:
        raise InputError(f"{where}: has no classification; set one of {expected} in QuPath")
    if name not in classes:
        raise InputError(f"{where}: unknown class {name!r}; expected one of {expected}")
    return name


def _area(feature: dict, where: str) -> BaseGeometry:
    """Return the feature's polygon or polygons, made valid."""
    geometry = feature.get("geometry") or {}
    kind = geometry.get("type")
    if kind not in ("Polygon", "MultiPolygon"):
        raise InputError(f"{where}: geometry is {kind!r}; draw a closed area (Polygon)")
    try:
        area = shapely.make_valid(shapely.geometry.shape(geometry))
    except (KeyError, TypeError, ValueError, IndexError, shapely.errors.ShapelyError) as error:
        raise InputError(f"{where}: damaged coordinates ({error})") from error
    if not np.isfinite(area.bounds).all() or area.area == 0:
        raise InputError(f"{where}: the polygon has no area")
    return area


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


def class_masks(
    path: str | Path, classes: Collection[str], transform: dict, shape: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Read a GeoJSON file and rasterize each class on the pair's grid.

    A class that lies outside the pair (registration crops to the common field of view) is only
    worth a warning; a file of which nothing reaches the pair is in the wrong pixels.

    Returns
    -------
    dict
        Class name to bool array (y, x); all False where the class was not drawn.

    Raises
    ------
    InputError
        As in :func:`read_annotations`, and if every polygon lies wholly outside the pair.
    """
    drawn = read_annotations(path, classes)
    masks = {name: rasterize(areas, transform, shape) for name, areas in drawn.items()}
    if any(drawn.values()) and not any(mask.any() for mask in masks.values()):
        raise InputError(
            f"{path}: every polygon lies outside the registered section; the coordinates must be "
            "pixels of the original full-resolution slide named in the sheet"
        )
    for name, areas in drawn.items():
        if areas and not masks[name].any():
            log.warning("%s: no %s polygon reaches the registered pair", path, name)
    return masks
