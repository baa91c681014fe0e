"""Where an image holds no measurement: fill around a reconstruction, padding, corners of a turn.

Reconstructions are defined in a circle, and programs that turn, pad or crop a volume fill the rest
with one value. Air of a clipped scan is one value too, but it is data. What tells them apart:

- fill is solid: no voxel in it has another value;
- the field that remains is convex, as circles, ellipses and turned boxes are;
- fill ends within one voxel, while matter is blurred by the scanner: beside clipped air the greys
  rise over several voxels;
- fill has no noise, while the field has; or the field reaches the image's sides, as an inscribed
  circle and a turned box do.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

SMALLEST_SHARE = 2e-4  # of a plane; smaller patches of equal values are chance
SMALLEST_PX = 12
BORDER_SHARE = 0.01  # of the border's values that the fill takes, at least
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
SPARSE = 1e-3  # share of a value that planes of noise have by chance, at most
SAME_SHARE = 0.99  # of the fill that all planes have in common if it lies at the same place
SQUARE = np.ones((3, 3), np.uint8)
AIR, DOUBT, FILL, TURNED, BLANK, NONE = "air", "doubt", "fill", "turned", "blank", "none"


@dataclass(frozen=True)
class Fill:
    """A value that stands where nothing was measured.

    Parameters
    ----------
    value : float
        The value, NaN where the values are not finite.
    level : float
        What to store instead: the median of the measured values at the field's edge.
    kind : str
        ``FILL`` where it was decided that these are no data; ``AIR`` where equal values at the
        border are data; ``DOUBT`` where neither is sure, so that they stay data.
    share : float
        Of the planes that were looked at.
    same : ndarray, shape (y, x), bool, or None
        Where all planes hold the fill, if it lies at the same place in all of them.
    turned : bool
        Whether the fill's edge was interpolated, as in a volume that was turned; the voxels beside
        the fill are mixtures then, and were not measured either.
    """

    value: float
    level: float
    kind: str
    share: float
    same: np.ndarray | None = None
    turned: bool = False


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
    region = unmeasured(plane, [Fill(value, 0, FILL, 0)])
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
        _median(np.abs(plane[main & (distance > near) & (distance <= far)] - float(value)))
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


def _median(values: np.ndarray) -> float:
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


def find_fill(planes: Iterable[np.ndarray]) -> list[Fill]:
    """Find the values that stand where nothing was measured.

    Parameters
    ----------
    planes : iterable of ndarray, shape (y, x)
        Planes from all over a volume, its ends among them; or an image.

    Returns
    -------
    list of Fill
        Values that are not finite first, then the value that the border has most often, whatever
        it was judged to be; empty where the border shows nothing but noise.
    """
    planes = list(planes)
    borders = [np.concatenate([p[0], p[-1], p[:, 0], p[:, -1]]) for p in planes]
    border = np.concatenate(borders)
    finite = np.isfinite(border)
    values = [np.nan] if not finite.all() else []
    if finite.any():
        found, counts = np.unique(border[finite], return_counts=True)
        if counts.max() >= BORDER_SHARE * border.size:
            values.append(float(found[counts.argmax()]))
    return [fill for value in values if (fill := _judged(planes, value))]


def _judged(planes: list[np.ndarray], value: float) -> Fill | None:
    """Return what the planes say of a value together, None where it is of no importance."""
    kinds, regions = zip(*(judge(plane, value) for plane in planes), strict=True)
    share = float(np.mean([region.mean() for region in regions]))
    turned = kinds.count(TURNED) > kinds.count(FILL)
    kinds = tuple(FILL if kind == TURNED else kind for kind in kinds)
    kind = _majority(kinds)
    if kind is None:
        kind = _of_blank_planes(planes, kinds, value)
    if kind is None:
        return None
    same = None if np.isnan(value) else _same_place(kinds, regions)
    return Fill(value, _edge_level(planes, regions), kind, share, same, turned)


def _majority(kinds: tuple[str, ...]) -> str | None:
    """Return what most planes say, ``DOUBT`` where many contradict; None where none says it."""
    votes = [kind for kind in kinds if kind in (FILL, AIR, DOUBT)]
    if not votes:
        return None
    kind = max((FILL, DOUBT, AIR), key=votes.count)
    return DOUBT if kind == FILL and votes.count(AIR) * 3 > len(votes) else kind


def _of_blank_planes(planes: list[np.ndarray], kinds: tuple[str, ...], value: float) -> str | None:
    """Return what planes of one value are; None where there are none, or no others.

    They are fill where the other planes do not have the value; otherwise they show clipped air.
    """
    rest = [plane for plane, kind in zip(planes, kinds, strict=True) if kind == NONE]
    if BLANK not in kinds or not rest:
        return None
    if np.isnan(value):
        return FILL
    return FILL if max((plane == value).mean() for plane in rest) < SPARSE else AIR


def _same_place(kinds: tuple[str, ...], regions: Iterable[np.ndarray]) -> np.ndarray | None:
    """Return where all planes hold the fill, None where it lies at several places."""
    filled = [region for region, kind in zip(regions, kinds, strict=True) if kind == FILL]
    if len(filled) < 2 or BLANK in kinds:
        return None
    inner, outer = np.logical_and.reduce(filled), np.logical_or.reduce(filled)
    return inner if inner.sum() > SAME_SHARE * outer.sum() else None


def _edge_level(planes: list[np.ndarray], regions: Iterable[np.ndarray]) -> float:
    """Return the median of the measured values beside the fill, or of all where none is beside."""
    beside, all_values = [], []
    for plane, region in zip(planes, regions, strict=True):
        field = ~region & np.isfinite(plane)
        near = cv2.dilate(region.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        beside.append(plane[near & field])
        all_values.append(plane[field][::16])
    values = np.concatenate(beside)
    return _median(values if values.size else np.concatenate(all_values))


def unmeasured(plane: np.ndarray, fills: Iterable[Fill]) -> np.ndarray:
    """Return where a plane (y, x) holds no measurement, bool (y, x).

    Parameters
    ----------
    plane : ndarray, shape (y, x)
        Grey values.
    fills : iterable of Fill
        From :func:`find_fill`; those of other kinds than ``FILL`` count as data.
    """
    empty = np.zeros(plane.shape, bool)
    for fill in fills:
        if fill.kind != FILL:
            continue
        if np.isnan(fill.value):
            empty |= not_finite_from_border(plane)
        else:
            equal = plane == fill.value
            found = equal & fill.same if fill.same is not None else from_border(equal)
            if fill.turned and found.any():
                found = cv2.dilate(found.astype(np.uint8), SQUARE) > 0
            empty |= found
    return empty
