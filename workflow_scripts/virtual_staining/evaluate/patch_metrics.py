"""A stained slide against the real one, patch by patch (paper 2.10)."""

from collections.abc import Callable, Mapping
from itertools import product

import numpy as np

from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.evaluate.metric import PatchPairs
from virtual_staining.imaging.image_pair import fill_outside
from virtual_staining.imaging.tile_starts import tile_starts
from virtual_staining.settings.evaluate import SMALLEST_PATCH_PX, EvaluateSettings


def measure(
    real: np.ndarray,
    generated: np.ndarray,
    mask: np.ndarray,
    background: np.ndarray,
    settings: EvaluateSettings,
    metrics: Mapping[MetricColumn, Callable[[PatchPairs], np.ndarray] | None],
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
    metrics : mapping
        From :func:`virtual_staining.evaluate.metric.load_metrics`.

    Returns
    -------
    list of dict
        ``y_px``, ``x_px`` (corner), ``overlap`` (0 to 1) and each metric's column (NaN where it is
        not measured).

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
    starts = (
        tile_starts(length, side, settings.step_px, even=True)
        for length, side in zip(mask.shape, size, strict=True)
    )
    windows = [np.s_[y : y + size[0], x : x + size[1]] for y, x in product(*starts)]
    windows = [window for window in windows if mask[window].mean() >= settings.min_overlap]
    if not windows:
        return []
    real, generated = (fill_outside(image, mask, background) for image in (real, generated))
    stacks = (np.stack([image[w] for w in windows]) for image in (real, generated, mask))
    patches = PatchPairs(*stacks, background)
    table = {
        "y_px": [y.start for y, _ in windows],
        "x_px": [x.start for _, x in windows],
        "overlap": patches.mask.mean(axis=(1, 2)),
    }
    for metric, compute in metrics.items():
        table[metric.column] = compute(patches) if compute else [np.nan] * len(windows)
    return [{column: values[k] for column, values in table.items()} for k in range(len(windows))]
