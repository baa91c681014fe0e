"""Points drawn in QuPath: GeoJSON (Point, MultiPoint) or the table that `Points` exports.

Coordinates are pixels of the full-resolution slide from its outer corner.
"""

import csv
import io
import json
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.register.landmarks.points import MICRONS, PIXELS, Points, number

UNITS = {  # names of the columns of x and y, and their unit
    ("x", "y"): PIXELS,
    ("Centroid X px", "Centroid Y px"): PIXELS,
    ("Centroid X µm", "Centroid Y µm"): MICRONS,
}


def recognizes(text: str) -> bool:
    """Tell whether a file's text is GeoJSON or a table of QuPath."""
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] in "{[" and start:
        return '"type"' in start and "eature" in start
    return _columns(start) is not None


def _columns(text: str) -> tuple[str, str] | None:
    header = text.lstrip("\ufeff").split("\n", 1)[0].strip().split("\t")
    names = {name.strip('"') for name in header}
    return next((pair for pair in UNITS if set(pair) <= names), None) if "\t" in text else None


def read(text: str, path: Path) -> Points:
    """Read the points in the order of the file.

    Raises
    ------
    InputError
        If the file is damaged, holds other shapes than points, or a coordinate is no number.
    """
    columns = _columns(text)
    if columns is not None:
        return _read_table(text, path, columns)
    try:
        content = json.loads(text.lstrip("\ufeff"))
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON ({error}); export GeoJSON in QuPath") from error
    features = content.get("features", [content]) if isinstance(content, dict) else content
    rows: list = []
    for place, feature in enumerate(features, start=1):
        shape = (feature.get("geometry") or {}) if isinstance(feature, dict) else {}
        kind, at = shape.get("type"), shape.get("coordinates")
        if kind not in ("Point", "MultiPoint"):
            raise InputError(
                f"{path}: feature {place}: geometry is {kind!r}; draw points as landmarks"
            )
        for point in at if kind == "MultiPoint" else [at]:
            where = f"{path}: feature {place}"
            if not isinstance(point, list) or len(point) < 2:
                raise InputError(f"{where}: damaged coordinates ({point!r}); export GeoJSON again")
            rows.append([number(str(value), where) for value in point[:2]])
    return Points(np.array(rows, float).reshape(-1, 2), PIXELS)


def _read_table(text: str, path: Path, columns: tuple[str, str]) -> Points:
    table = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter="\t")
    rows = [
        [number(row[name] or "", f"{path}: line {line}: {name}") for name in columns]
        for line, row in enumerate(table, start=2)
    ]
    return Points(np.array(rows, float).reshape(-1, 2), UNITS[columns])
