"""A stained slide against the real one, patch by patch (paper 2.10)."""

from collections.abc import Callable
from math import ceil

import numpy as np

from virtual_staining.evaluate.metrics.pixelwise import psnr_db, ssim
from virtual_staining.imaging.image_pair import fill_outside
from virtual_staining.settings.evaluate import SMALLEST_PATCH_PX, EvaluateSettings

Distances = Callable[[np.ndarray, np.ndarray], np.ndarray]


def patch_starts(length_px: int, patch_px: int, step_px: int) -> list[int]:
    """Where patches begin along an axis: evenly spread, at most a step apart, covering it all.

    Parameters
    ----------
    length_px, patch_px, step_px : int
        Axis length, patch length (at most the axis length) and largest distance of neighbours.
    """
    room = length_px - patch_px
    return np.linspace(0, room, ceil(room / step_px) + 1).round().astype(int).tolist()


def measure(
    real: np.ndarray,
    generated: np.ndarray,
    mask: np.ndarray,
    background: np.ndarray,
    settings: EvaluateSettings,
    distances: Distances | None,
) -> list[dict]:
    """Compare two slides on the patches that the mask covers well enough.

    Outside the mask both get the mean background colour (paper 2.8), so that what is not
    the same tissue counts neither for nor against a model.

    Parameters
    ----------
    real, generated : ndarray, shape (y, x, 3), uint8
        An axis shorter than ``patch_px`` gives patches as long as the axis.
    mask : ndarray, shape (y, x), bool
    background : ndarray, shape (3,), uint8
        Colour of the real slide's background.
    settings : EvaluateSettings
    distances : callable or None
        LPIPS of two stacks (n, y, x, 3); None leaves LPIPS absent.

    Returns
    -------
    list of dict
        ``y_px``, ``x_px`` (corner), ``overlap`` (0 to 1), ``ssim``, ``psnr_db``, ``lpips`` (NaN
        where absent).

    Raises
    ------
    ValueError
        If the shapes differ, or the images are too small to compare.
    """
    if real.shape != generated.shape or real.shape[:2] != mask.shape:
        raise ValueError(
            f"sizes differ: slide {real.shape}, stained {generated.shape}, mask {mask.shape}"
        )
    size = [min(settings.patch_px, length) for length in mask.shape]
    if min(size) < SMALLEST_PATCH_PX:
        raise ValueError(f"{mask.shape} pixels are too few; at least {SMALLEST_PATCH_PX} a side")
    real, generated = (fill_outside(image, mask, background) for image in (real, generated))
    rows, pairs = [], []
    starts = [
        patch_starts(length, side, settings.step_px)
        for length, side in zip(mask.shape, size, strict=True)
    ]
    for y in starts[0]:
        for x in starts[1]:
            window = np.s_[y : y + size[0], x : x + size[1]]
            overlap = float(mask[window].mean())
            if overlap < settings.min_overlap:
                continue
            pair = real[window], generated[window]
            pairs.append(pair)
            rows.append(
                {"y_px": y, "x_px": x, "overlap": overlap}
                | {"ssim": ssim(*pair), "psnr_db": psnr_db(*pair), "lpips": float("nan")}
            )
    if distances and rows:
        stacks = (np.stack(side) for side in zip(*pairs, strict=True))
        for row, distance in zip(rows, distances(*stacks), strict=True):
            row["lpips"] = float(distance)
    return rows
