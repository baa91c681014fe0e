"""A stained slide against the real one, patch by patch (paper 2.10)."""

from collections.abc import Callable, Mapping

import numpy as np

from virtual_staining.artefacts.patches import HEADLINE_REGIONS, PAPER_REGION, MetricColumn
from virtual_staining.evaluate.metric import PatchPairs
from virtual_staining.evaluate.shared import PatchResults, SlidePair
from virtual_staining.imaging.image_pair import fill_outside
from virtual_staining.imaging.tile_starts import covered_windows
from virtual_staining.settings.evaluate import SMALLEST_PATCH_PX, EvaluateSettings

Measures = Mapping[MetricColumn, Callable[[PatchPairs], np.ndarray] | None]


def measure(
    real: np.ndarray,
    generated: np.ndarray,
    mask: np.ndarray,
    background: np.ndarray,
    settings: EvaluateSettings,
    metrics: Measures,
    slides: SlidePair | None = None,
) -> list[dict]:
    """Compare two slides on the patches that the mask covers well enough, as the paper does.

    Outside the mask both get the mean background colour (paper 2.8), so that what is not
    the same tissue counts neither for nor against a model. It counts in the mean over a patch.

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
    slides : SlidePair, optional
        From :func:`slide_pair`; keeps what all regions have in common.

    Returns
    -------
    list of dict
        ``region``, ``y_px``, ``x_px`` (corner), ``overlap`` (0 to 1) and each metric's column (NaN
        where the metric is not measured).

    Raises
    ------
    ValueError
        If the shapes differ, or the images are too small to compare.
    """
    windows = _windows(real, generated, mask, settings, settings.min_overlap)
    slides = slides or slide_pair(real, generated, mask, background)
    images = [slides.real, slides.generated, mask, np.ones_like(mask)]
    return _rows(PAPER_REGION, windows, images, background, metrics, slides)


def slide_pair(
    real: np.ndarray,
    generated: np.ndarray,
    mask: np.ndarray,
    background: np.ndarray,
    kept: PatchResults | None = None,
) -> SlidePair:
    """Return two slides as the whole mask is compared: outside it both have one colour.

    Parameters
    ----------
    real, generated, mask, background
        As in :func:`measure`.
    kept : PatchResults, optional
        Of the same sample; without it nothing is shared with other stained slides.
    """
    filled = [fill_outside(image, mask, background) for image in (real, generated)]
    return SlidePair(*filled, PatchResults() if kept is None else kept)


def mask_patches(
    real: np.ndarray,
    generated: np.ndarray,
    mask: np.ndarray,
    background: np.ndarray,
    settings: EvaluateSettings,
) -> list[np.ndarray]:
    """Return the real and the generated patches that :func:`measure` compares.

    Parameters
    ----------
    real, generated, mask, background, settings
        As in :func:`measure`.

    Returns
    -------
    list of ndarray, shape (n, y, x, 3), uint8
    """
    windows = _windows(real, generated, mask, settings, settings.min_overlap)
    filled = [fill_outside(image, mask, background) for image in (real, generated)]
    return [np.array([image[window] for window in windows]) for image in filled]


def measure_region(
    name: str,
    real: np.ndarray,
    generated: np.ndarray,
    region: np.ndarray,
    background: np.ndarray,
    settings: EvaluateSettings,
    metrics: Measures,
    slides: SlidePair | None = None,
) -> list[dict]:
    """Compare two slides on the patches that a region covers well enough, on the region alone.

    An implant, which is black whatever the model, would otherwise raise most values. Pixels outside
    the region take the real slide's colour in both, and means leave them out.

    Parameters
    ----------
    name : str
        Out of :data:`virtual_staining.artefacts.patches.REGIONS`.
    real, generated
        As in :func:`measure`.
    region : ndarray, shape (y, x), bool
    background, settings, metrics
        As in :func:`measure`.
    slides : SlidePair, optional
        As in :func:`measure`, of a mask that holds the region.

    Returns
    -------
    list of dict
        As from :func:`measure`.

    Raises
    ------
    ValueError
        As in :func:`measure`.
    """
    headline = name in HEADLINE_REGIONS
    least = settings.min_overlap if headline else settings.min_part_overlap
    windows = _windows(real, generated, region, settings, least)
    mixed = np.where(region[..., None], generated, real)
    return _rows(name, windows, [real, mixed, region, region], background, metrics, slides)


def _windows(
    real: np.ndarray,
    generated: np.ndarray,
    region: np.ndarray,
    settings: EvaluateSettings,
    min_overlap: float,
) -> list[tuple[slice, slice]]:
    """Return the patches that a region covers well enough."""
    if real.shape != generated.shape or real.shape[:2] != region.shape:
        raise ValueError(
            f"sizes differ: slide {real.shape}, stained {generated.shape}, mask {region.shape}"
        )
    size = [min(settings.patch_px, length) for length in region.shape]
    if min(size) < SMALLEST_PATCH_PX:
        raise ValueError(f"{region.shape} pixels are too few; at least {SMALLEST_PATCH_PX} a side")
    return covered_windows(region, settings.patch_px, settings.step_px, min_overlap)


def _rows(
    region: str,
    windows: list[tuple[slice, slice]],
    images: list[np.ndarray],
    background: np.ndarray,
    metrics: Measures,
    slides: SlidePair | None,
) -> list[dict]:
    """Measure the patches of one region; ``images`` are the fields of :class:`PatchPairs`."""
    if not windows:
        return []
    stacks = (np.stack([image[window] for window in windows]) for image in images)
    patches = PatchPairs(*stacks, background, windows, slides)
    table = {
        "region": [region] * len(windows),
        "y_px": [y.start for y, _ in windows],
        "x_px": [x.start for _, x in windows],
        "overlap": patches.region.mean(axis=(1, 2)),
    }
    for metric, compute in metrics.items():
        table[metric.column] = compute(patches) if compute else [np.nan] * len(windows)
    return [{column: values[k] for column, values in table.items()} for k in range(len(windows))]
