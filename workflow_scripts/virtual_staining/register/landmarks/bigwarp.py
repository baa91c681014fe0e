"""Landmark tables of BigWarp (Fiji): eight columns without a header.

Name, active, and x, y, z of the point in the moving and in the target image, in the units in which
the images were opened (https://imagej.net/plugins/bigwarp). One of the two images is the slide: all
its z are the same.
"""

import csv
import io
import re
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.register.landmarks.points import MICRONS, Pairs, Points, number

COLUMNS = ("name", "active", "moving x", "moving y", "moving z", "target x", "target y", "target z")
FIRST_LINE = re.compile(r'^\s*"?[^",]*"?\s*,\s*"?(true|false)"?\s*,', re.IGNORECASE)


def recognizes(text: str) -> bool:
    """Tell whether a file's text is a BigWarp table."""
    return bool(FIRST_LINE.match(text))


def read(text: str, path: Path) -> Pairs:
    """Read the active landmarks; slide and volume are in µm.

    Raises
    ------
    InputError
        If a line has other than eight fields or an active landmark is no number, or if not exactly
        one of the images is flat.
    """
    rows = []
    for line, fields in enumerate(csv.reader(io.StringIO(text)), start=1):
        if not fields:
            continue
        if len(fields) != len(COLUMNS):
            raise InputError(
                f"{path}: line {line}: {len(fields)} fields; a landmark between a slide and a "
                f"volume has {len(COLUMNS)} in BigWarp ({', '.join(COLUMNS)}): open both images as "
                "3D and export the landmarks again"
            )
        if fields[1].strip().lower() == "true":
            places = [f"{path}: line {line}: {column}" for column in COLUMNS[2:]]
            rows.append([number(*pair) for pair in zip(fields[2:], places, strict=True)])
    values = np.array(rows, float).reshape(-1, 6)
    moving, target = values[:, :3], values[:, 3:]
    flat = [len(values) > 0 and np.ptp(side[:, 2]) == 0 for side in (moving, target)]
    if sum(flat) != 1:
        raise InputError(
            f"{path}: one image must be the slide, whose points all have the same z, and the other "
            f"the volume; found {sum(flat)} such images in {len(values)} active landmarks"
        )
    slide, volume = (moving, target) if flat[0] else (target, moving)
    return Pairs(Points(slide[:, :2], MICRONS, True), Points(volume, MICRONS, True))
