"""Where an image holds no measurement: fill around a reconstruction, padding, corners of a turn.

The planes of a volume are judged one by one (:mod:`~virtual_staining.imaging.plane_fill`) and vote.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from virtual_staining.imaging.plane_fill import (
    AIR,
    BLANK,
    DOUBT,
    FILL,
    NONE,
    SQUARE,
    TURNED,
    judge,
    median,
    region_of,
)

BORDER_SHARE = 0.01  # of the border's values that the fill takes, at least
SPARSE = 1e-3  # share of a value that planes of noise have by chance, at most
SAME_SHARE = 0.99  # of the fill that all planes have in common if it lies at the same place


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
    return median(values if values.size else np.concatenate(all_values))


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
        if fill.same is not None:
            found = (plane == fill.value) & fill.same
        else:
            found = region_of(plane, fill.value)
        if fill.turned and not np.isnan(fill.value) and found.any():
            found = cv2.dilate(found.astype(np.uint8), SQUARE) > 0
        empty |= found
    return empty
