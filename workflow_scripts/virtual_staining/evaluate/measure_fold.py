"""All slides of one fold against the real ones: a row per patch, and a row per slide."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS, Fold
from virtual_staining.artefacts.pair import read_tissue, read_training_pair
from virtual_staining.artefacts.pair_stats import read_background_levels
from virtual_staining.artefacts.patches import KEYS
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.errors import InputError
from virtual_staining.evaluate.faults.kernel_distance import Features, patch_distance
from virtual_staining.evaluate.faults.whole_slide import KID, faults_of
from virtual_staining.evaluate.patch_metrics import (
    Measures,
    mask_patches,
    measure,
    measure_region,
    slide_pair,
)
from virtual_staining.evaluate.regions import tissue_regions
from virtual_staining.evaluate.shared import PatchResults
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.resolution import slide_resolution
from virtual_staining.imaging.tile_starts import covered_windows
from virtual_staining.imaging.tissue.classes import stained_tissue
from virtual_staining.settings.evaluate import EvaluateSettings

log = logging.getLogger(__name__)

Slides = Callable[[TrainingPair, np.ndarray], dict[str, np.ndarray]]
"""From a pair and its tissue classes to the name of each model or reference and its slide."""


@dataclass(frozen=True)
class Comparison:
    """How stained slides are compared with real ones.

    Parameters
    ----------
    settings : EvaluateSettings
    metrics : mapping
        From :func:`virtual_staining.evaluate.metric.load_metrics`.
    tile_step_px : int
        Distance of neighbouring tiles of the inference, pixels.
    features : callable, optional
        Maps patches to the features that KID compares; without it KID is not measured.
    """

    settings: EvaluateSettings
    metrics: Measures
    tile_step_px: int
    features: Features | None = None


def measure_fold(
    results: Results, fold: Fold, number: int, slides: Slides, comparison: Comparison
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare the stained slides of all samples of a fold with the real ones.

    Parameters
    ----------
    results : Results
    fold : Fold
    number : int
        Number of the fold.
    slides : callable
        Returns the stained slides of one pair.
    comparison : Comparison

    Returns
    -------
    patches, slides : DataFrame
        One row per patch and region, and one row per slide.

    Raises
    ------
    InputError
        If an image is missing or does not fit, or no mask covers any patch well enough.
    """
    patch_rows, slide_rows = [], []
    for subset in SUBSETS:
        for sample in getattr(fold, subset):
            pair = read_training_pair(results, sample)
            classes = read_tissue(results, pair)
            _, background = read_background_levels(results.normalized(sample).stats)
            kept, step_px = PatchResults(), comparison.tile_step_px
            regions = regions_of(results, pair, classes, comparison.settings)
            faults_on = faults_of(pair.slide, pair.ct, classes, background, step_px)
            for name, generated in slides(pair, classes).items():
                values = (fold.stain, name, number, sample, fold.material.get(sample, ""), subset)
                about = dict(zip(KEYS, values, strict=True))
                found = measure_slide(
                    results, pair, regions, generated, background, comparison, kept
                )
                patch_rows += [about | row for row in found]
                faults = faults_on(generated)
                if comparison.features:
                    images = pair.slide, generated, pair.mask, background
                    patches = mask_patches(*images, comparison.settings)
                    faults[KID] = patch_distance(*patches, comparison.features)
                if comparison.settings.more_metrics:
                    faults |= _resolution(results, pair, classes, generated, comparison.settings)
                slide_rows.append(about | faults)
                if not found:
                    log.warning("%s: the mask covers no patch well enough; left out", sample)
        log.info("%s: %d samples measured", subset, len(getattr(fold, subset)))
    if not patch_rows:
        settings = comparison.settings
        raise InputError(
            f"{results}: {fold.stain}, fold {number}: no patch of {settings.patch_px} px overlaps "
            f"a mask by {settings.min_overlap:.0%}; lower evaluate.patch_px or evaluate.min_overlap"
        )
    return pd.DataFrame(patch_rows), pd.DataFrame(slide_rows)


def _resolution(
    results: Results,
    pair: TrainingPair,
    classes: np.ndarray,
    generated: np.ndarray,
    settings: EvaluateSettings,
) -> dict[str, float]:
    """Measure the resolution of a stained slide, its real slide and its CT on tissue."""
    how = settings.patch_px, settings.step_px, settings.min_overlap
    windows = covered_windows(stained_tissue(classes), *how)
    images = pair.slide, generated, pair.ct
    patches = [np.array([image[window] for window in windows]) for image in images]
    if not windows:
        patches[2] = np.empty((0, 0, 0))
    return slide_resolution(*patches, pixel_size_um(results.normalized(pair.sample).slide))


def regions_of(
    results: Results, pair: TrainingPair, classes: np.ndarray, settings: EvaluateSettings
) -> dict[str, np.ndarray]:
    """Return the parts of a pair that are compared beside its mask, bool (y, x) by name."""
    pixel_um = pixel_size_um(results.normalized(pair.sample).slide)
    return tissue_regions(classes, pixel_um, settings.ring_um)


def measure_slide(
    results: Results,
    pair: TrainingPair,
    regions: dict[str, np.ndarray],
    generated: np.ndarray,
    background: np.ndarray,
    comparison: Comparison,
    kept: PatchResults,
) -> list[dict]:
    """Compare one slide with the real one, patch by patch, in all regions.

    Parameters
    ----------
    results : Results
    pair : TrainingPair
        The sample.
    regions : dict
        From :func:`regions_of`.
    generated : ndarray, shape (y, x, 3), uint8
        The slide.
    background : ndarray, shape (3,), uint8
        Colour of the real slide's background.
    comparison : Comparison
    kept : PatchResults
        Shared by all stained slides of the sample.

    Returns
    -------
    list of dict
        As from :func:`~virtual_staining.evaluate.patch_metrics.measure`; empty where the mask
        covers no patch well enough.

    Raises
    ------
    InputError
        If the images do not fit.
    """
    how = background, comparison.settings, comparison.metrics
    try:
        slides = slide_pair(pair.slide, generated, pair.mask, background, kept)
        rows = measure(pair.slide, generated, pair.mask, *how, slides)
        for name, region in regions.items():
            rows += measure_region(name, pair.slide, generated, region, *how, slides)
    except ValueError as error:
        raise InputError(f"{results.normalized(pair.sample).path}: {error}") from error
    return rows
