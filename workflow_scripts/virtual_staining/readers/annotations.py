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
from shapely.geometry.base import BaseGeometry

from virtual_staining.errors import InputError
from virtual_staining.imaging.polygons import rasterize
from virtual_staining.readers.files import read_text

log = logging.getLogger(__name__)

MOST_REPAIRED = 20_000  # points of an outline that crosses itself; a repair may need their square
FIRST_POINTS = 1000
ERRORS = (KeyError, TypeError, ValueError, IndexError, RecursionError, AttributeError,
          shapely.errors.ShapelyError)  # fmt: skip
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
        if not Path(path).exists():
            raise InputError(f"{path}: no such annotation file")
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # of json, of UTF-8, of numbers
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
        area = shapely.geometry.shape(geometry)
        points = shapely.get_num_coordinates(area)
        if points > MOST_REPAIRED and (_crosses_early(area) or not area.is_valid):
            raise InputError(
                f"{where}: its outline of {points} points crosses itself; simplify it in QuPath "
                "(Objects, Simplify shape) and export it again"
            )
        area = shapely.make_valid(area)
    except ERRORS as error:
        raise InputError(f"{where}: damaged coordinates ({error})") from error
    if not np.isfinite(area.bounds).all() or area.area == 0:
        raise InputError(f"{where}: the polygon has no area")
    return area


def _crosses_early(area: BaseGeometry) -> bool:
    """Say whether the first points of an outline cross: the test of a million may take minutes."""
    rings = shapely.get_exterior_ring(shapely.get_parts(area))
    first = [shapely.get_coordinates(ring)[:FIRST_POINTS] for ring in rings]
    return not all(shapely.linestrings(points).is_simple for points in first)


def class_masks(
    path: str | Path, classes: Collection[str], to_pair_px: np.ndarray, shape: tuple[int, int]
) -> dict[str, np.ndarray]:
    """Read a GeoJSON file and rasterize each class on the pair's grid.

    A class that lies outside the pair (registration crops to the common field of view) is only
    worth a warning; a file of which nothing reaches the pair is in the wrong pixels.

    Parameters
    ----------
    path, classes
        As in :func:`read_annotations`.
    to_pair_px : ndarray, shape (2, 3)
        From :func:`virtual_staining.imaging.polygons.slide_px_to_pair_px`.
    shape : (rows, columns)
        Size of the pair, px.

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
    masks = {name: rasterize(areas, to_pair_px, shape) for name, areas in drawn.items()}
    if any(drawn.values()) and not any(mask.any() for mask in masks.values()):
        raise InputError(
            f"{path}: every polygon lies outside the registered section; the coordinates must be "
            "pixels of the original full-resolution slide named in the sheet"
        )
    for name, areas in drawn.items():
        if areas and not masks[name].any():
            log.warning("%s: no %s polygon reaches the registered pair", path, name)
    return masks
