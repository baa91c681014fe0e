"""Whether the equal values at the border of one plane are fill, that is no measurement, or air.

Reconstructions are defined in a circle, and programs that turn, pad or crop a volume fill the rest
with one value. Air of a clipped scan is one value too, but it is data. What tells them apart:

- fill is solid: no voxel in it has another value;
- the field that remains is convex, as circles, ellipses and turned boxes are;
- fill ends within one voxel, while matter is blurred by the scanner: beside clipped air the greys
  rise over several voxels;
- fill has no noise, while the field has; or the field reaches the image's sides, as an inscribed
  circle and a turned box do.
"""

import cv2
import numpy as np

SMALLEST_SHARE = 2e-4  # of a plane; smaller patches of equal values are chance
SMALLEST_PX = 12
PIECE_SHARE = 0.1  # of the largest piece of the field; smaller pieces are speckles
SPECKLES = 0.002  # share of other values within fill, at most
DENT_SHARE = 0.03  # of the fill that lies inside the field's convex hull, at most
DENT_PX = 0.75  # and for each pixel of the edge between both
NEAR_PX, SECOND_PX, DEEP_PX = 1.5, 2.5, 5.0  # distances from the fill of three rings in the field
STEP = 0.85  # least change in the first ring, beside that deep in the field, of a sharp edge
TURNED_STEP, TURNED_FIRST = 0.9, 0.3  # in the second and first ring of an edge that was turned
NOISE_PX = 8.0  # the field's noise is measured so far from the fill
EQUAL_NEIGHBOURS = 0.5  # share of equal neighbours from which on there is no noise
SIDES, SIDE_SHARE = 3, 0.015  # the field's box comes so near to so many of the image's sides
SQUARE = np.ones((3, 3), np.uint8)
AIR, DOUBT, FILL, TURNED, BLANK, NONE = "air", "doubt", "fill", "turned", "blank", "none"


def from_border(equal: np.ndarray) -> np.ndarray:
    """Return the solid part of a region that is connected with the image's border.

    Parameters
    ----------
    equal : ndarray, shape (y, x), bool
        Where the image has the value.

    Returns
    -------
    ndarray, shape (y, x), bool
        What squares of 3 x 3 pixels fill and the border reaches, and the pixels beside; single
        pixels of noise that happen to have the value connect nothing.
    """
    opened = cv2.morphologyEx(_framed(equal), cv2.MORPH_OPEN, SQUARE)
    reached = _flooded(opened)[3:-3, 3:-3].astype(np.uint8)
    return equal & (cv2.dilate(reached, SQUARE) > 0)


def not_finite_from_border(plane: np.ndarray) -> np.ndarray:
    """Return which pixels of a plane (y, x) are not finite and connected with its border, bool."""
    return _flooded(_framed(~np.isfinite(plane)))[3:-3, 3:-3]


def _framed(region: np.ndarray) -> np.ndarray:
    """Return a region (y, x) as uint8 with a frame of 3 pixels that belongs to it."""
    return np.pad(region.astype(np.uint8), 3, constant_values=1)


def _flooded(region: np.ndarray) -> np.ndarray:
    """Return what of a framed region (y, x), uint8, is connected with the frame, bool."""
    region[0], region[-1], region[:, 0], region[:, -1] = 1, 1, 1, 1
    cv2.floodFill(region, None, (0, 0), 2, flags=8)
    return region == 2


def region_of(plane: np.ndarray, value: float) -> np.ndarray:
    """Return the pixels of a plane (y, x) that have a value, or NaN, from the border inwards.

    Returns
    -------
    ndarray, shape (y, x), bool
    """
    return not_finite_from_border(plane) if np.isnan(value) else from_border(plane == value)


def judge(plane: np.ndarray, value: float) -> tuple[str, np.ndarray]:
    """Say what the pixels of one value at the border of a plane are.

    Parameters
    ----------
    plane : ndarray, shape (y, x)
        Grey values.
    value : float
        The value; NaN for all that is not finite.

    Returns
    -------
    kind : str
        ``FILL``, ``AIR`` or ``DOUBT``; ``TURNED`` for fill with an interpolated edge; ``BLANK``
        where the whole plane has the value, ``NONE`` where no more of the border has it than
        chance explains.
    region : ndarray, shape (y, x), bool
        These pixels.
    """
    region = region_of(plane, value)
    count = int(region.sum())
    if count < max(SMALLEST_PX, SMALLEST_SHARE * region.size):
        return NONE, region
    field = ~region
    if not field.any():
        return BLANK, region
    if np.isnan(value):
        return FILL, region
    pieces = _large_pieces(field)
    main = np.logical_or.reduce(pieces)
    speckles = int(field.sum() - main.sum())
    if speckles > SPECKLES * count + 1 or main.sum() < 4 * SMALLEST_PX:
        return AIR, region
    distance = cv2.distanceTransform(field.astype(np.uint8), cv2.DIST_L2, 5)
    edge = main & (distance <= 1)
    hulls = np.logical_or.reduce([_hull(piece) for piece in pieces])
    if (hulls & region).sum() > DENT_SHARE * count + DENT_PX * edge.sum():
        return AIR, region
    rings = ((0, NEAR_PX), (NEAR_PX, SECOND_PX), (SECOND_PX, DEEP_PX))
    first, second, deep = (
        median(np.abs(plane[main & (distance > near) & (distance <= far)] - float(value)))
        for near, far in rings
    )
    reaches = _sides(main) >= SIDES
    noisy = _equal_neighbours(plane, main & (distance <= NOISE_PX)) < EQUAL_NEIGHBOURS
    if first >= STEP * deep and (noisy or reaches):
        return FILL, region
    if reaches and second >= TURNED_STEP * deep and first >= TURNED_FIRST * deep:
        return TURNED, region
    return (DOUBT if noisy and second >= STEP * deep else AIR), region


def _large_pieces(region: np.ndarray) -> list[np.ndarray]:
    """Return the connected pieces of a region, each bool (y, x), without the small ones.

    Padding may divide a field into several large pieces.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return [labels == 1 + at for at in np.flatnonzero(areas >= PIECE_SHARE * areas.max())]


def _hull(region: np.ndarray) -> np.ndarray:
    """Return the convex hull of a region of pixels, bool (y, x)."""
    outlines, _ = cv2.findContours(
        region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    filled = np.zeros(region.shape, np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(np.concatenate(outlines)), 1)
    return filled > 0


def median(values: np.ndarray) -> float:
    """Return the median of values of any shape, 0 of none."""
    return float(np.median(values)) if values.size else 0.0


def _equal_neighbours(plane: np.ndarray, region: np.ndarray) -> float:
    """Return which share of the neighbours along x in a region have equal values."""
    both = region[:, 1:] & region[:, :-1]
    return float((plane[:, 1:] == plane[:, :-1])[both].mean()) if both.any() else 1.0


def _sides(region: np.ndarray) -> int:
    """Return to how many of the image's four sides a region comes near."""
    near = 0
    for axis, n in enumerate(region.shape):
        used = np.flatnonzero(region.any(axis=1 - axis))
        margin = max(2, SIDE_SHARE * n)
        near += int(used[0] <= margin) + int(used[-1] >= n - 1 - margin)
    return near
