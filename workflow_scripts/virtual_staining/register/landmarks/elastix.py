"""Point files of elastix: ``point`` or ``index``, the number of points, and a point a line.

``point`` are physical coordinates in mm from the centre of the first pixel, ``index`` are pixels
(https://elastix.lumc.nl, manual 5.2, section "Transformix"). Points of two coordinates are of the
slide, points of three of the volume.
"""

from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.register.landmarks.points import MILLIMETRES, PIXELS, Points, number

KINDS = ("point", "index")


def recognizes(text: str) -> bool:
    """Tell whether a file's text is an elastix point file."""
    return text.lstrip("\ufeff \t\r\n").split("\n", 1)[0].strip().lower() in KINDS


def read(text: str, path: Path) -> Points:
    """Read the points; an ``index`` is the centre of its pixel.

    Raises
    ------
    InputError
        If the count is wrong, a line is not two or three numbers, or voxel indices are given.
    """
    lines = [(k, line.split()) for k, line in enumerate(text.splitlines(), 1) if line.strip()]
    kind = lines[0][1][0].lstrip("\ufeff").lower()
    count = lines[1][1][0] if len(lines) > 1 else ""
    points = lines[2:]
    if count != str(len(points)):
        raise InputError(
            f"{path}: line 2: says {count!r} points, {len(points)} follow; write their number there"
        )
    sizes = sorted({len(fields) for _, fields in points})
    if sizes not in ([2], [3]):
        raise InputError(
            f"{path}: every point must have 2 coordinates (slide) or 3 (volume); found {sizes}"
        )
    values = np.array(
        [[number(field, f"{path}: line {line}") for field in fields] for line, fields in points]
    )
    if kind == "point":
        return Points(values, MILLIMETRES, True)
    if sizes == [3]:
        raise InputError(
            f"{path}: line 1: index: voxel indices do not say the voxel size; write `point` and mm"
        )
    return Points(values, PIXELS, True)
