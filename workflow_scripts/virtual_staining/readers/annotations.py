"""Regions drawn on a slide in QuPath, brought to the grid of the registered pair.

QuPath's GeoJSON holds polygons in pixels of the original full-resolution slide as its file stores
them, origin at the outer corner of the first pixel, each with a class name.
"""

import json
import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from virtual_staining.errors import InputError
from virtual_staining.imaging.polygons import rasterize
from virtual_staining.readers.files import read_bytes
from virtual_staining.readers.qupath_features import all_features, class_of

log = logging.getLogger(__name__)

MOST_REPAIRED = 20_000  # points of an outline that crosses itself; a repair may need their square
FIRST_POINTS = 1000
ERRORS = (KeyError, TypeError, ValueError, IndexError, RecursionError, AttributeError,
          shapely.errors.ShapelyError)  # fmt: skip
BACKGROUND = "Background"
EXCLUDE = "Exclude"


@dataclass(frozen=True)
class Drawn:
    """A drawn area.

    Parameters
    ----------
    where : str
        File and number of the feature, for messages.
    name : str
        Class.
    area : shapely geometry
        In pixels (x, y) of the image that it was drawn on.
    """

    where: str
    name: str
    area: BaseGeometry


def read_drawn(path: str | Path, classes: Collection[str]) -> list[Drawn]:
    """Read the classified polygons of a QuPath GeoJSON file.

    Parameters
    ----------
    path : path
        A FeatureCollection, a bare list of features or one feature, in UTF-8, UTF-16 or UTF-32.
        Geometries are Polygon (holes included) or MultiPolygon; child objects count like others.
    classes : collection of str
        The class names that may occur; classes derived from them count as they.

    Returns
    -------
    list of Drawn
        Self-crossing outlines are repaired.

    Raises
    ------
    InputError
        If the file is missing or not GeoJSON, or a feature has no class, an unknown class or a
        geometry without area; the message names the file and the feature.
    """
    try:
        if not Path(path).exists():
            raise InputError(f"{path}: no such annotation file")
        content = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:  # of json, of UTF-8, of numbers
        raise InputError(f"{path}: not valid JSON ({error}); export GeoJSON in QuPath") from error
    drawn = []
    for number, feature in enumerate(all_features(content, path), start=1):
        where = f"{path}: feature {number}"
        drawn.append(Drawn(where, class_of(feature, classes, where), _area(feature, where)))
    if not drawn:
        log.warning("%s: holds no area; nothing counts as drawn", path)
    return drawn


def read_annotations(path: str | Path, classes: Collection[str]) -> dict[str, list[BaseGeometry]]:
    """Return the areas of :func:`read_drawn` by class; every name of ``classes`` is a key."""
    drawn = read_drawn(path, classes)
    return {name: [one.area for one in drawn if one.name == name] for name in classes}


def _area(feature: dict, where: str) -> BaseGeometry:
    """Return the feature's polygon or polygons, made valid."""
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
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
        As in :func:`read_drawn`.
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
        As in :func:`read_drawn`, and if every polygon lies wholly outside the pair.
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


def drawn_masks(
    path: str | Path, classes: Collection[str], to_pair_px: np.ndarray, shape: tuple[int, int]
) -> Iterator[tuple[Drawn, np.ndarray]]:
    """Yield each polygon of a file and its pixels of the pair, bool (y, x), as class_masks does."""
    for drawn in read_drawn(path, classes):
        yield drawn, rasterize([drawn.area], to_pair_px, shape)
