"""Landmarks as a table with named columns, separated by commas; others are left alone."""

import csv
import io
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.register.landmarks.points import MICRONS, PIXELS, Pairs, Points, number

SLIDE_COLUMNS = ["slide_x_px", "slide_y_px"]
VOLUME_COLUMNS = ["volume_x_um", "volume_y_um", "volume_z_um"]


def recognizes(text: str) -> bool:
    """Tell whether a file's text has one of these columns."""
    header = text.lstrip("\ufeff").split("\n", 1)[0]
    return any(column in header for column in (*SLIDE_COLUMNS, *VOLUME_COLUMNS))


def read(text: str, path: Path) -> Pairs | Points:
    """Read pairs, or the points of one image where the other's columns are all missing.

    Raises
    ------
    InputError
        If some columns of an image are missing, or a coordinate is no number.
    """
    table = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), skipinitialspace=True)
    found = [name.strip() for name in table.fieldnames or []]
    table.fieldnames = found
    sides = [side for side in (SLIDE_COLUMNS, VOLUME_COLUMNS) if set(side) & set(found)]
    missing = [column for side in sides for column in side if column not in found]
    if missing:
        raise InputError(
            f"{path}: missing column(s) {', '.join(missing)}; needs "
            f"{', '.join(SLIDE_COLUMNS + VOLUME_COLUMNS)}"
        )
    rows = list(table)
    points = [
        np.array(
            [
                [number(row[name] or "", f"{path}: line {line}: {name}") for name in side]
                for line, row in enumerate(rows, start=2)
            ],
            float,
        ).reshape(-1, len(side))
        for side in sides
    ]
    units = [PIXELS if side is SLIDE_COLUMNS else MICRONS for side in sides]
    both = [Points(*pair) for pair in zip(points, units, strict=True)]
    return Pairs(*both) if len(both) == 2 else both[0]
