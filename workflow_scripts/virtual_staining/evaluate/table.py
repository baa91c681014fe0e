"""Medians by model and subset, with quartiles and bootstrap intervals (paper Table 1)."""

from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import REGIONS, MetricColumn
from virtual_staining.models.catalogue import in_order
from virtual_staining.settings.evaluate import EvaluateSettings


def bootstrap_interval(
    values: np.ndarray, samples: np.ndarray, settings: EvaluateSettings
) -> tuple[float, float]:
    """Percentile bootstrap interval of the median, resampling whole samples.

    Patches of one slide are alike, so drawing patches would give far too narrow an interval:
    samples are drawn with replacement, each with all its patches (also those of other folds).

    Parameters
    ----------
    values : ndarray, shape (n,)
        One metric.
    samples : ndarray, shape (n,)
        The sample of each patch.
    settings : EvaluateSettings
        Number of resamples, coverage and seed.

    Returns
    -------
    low, high : float
        NaN with fewer than two samples, which say nothing about other samples.
    """
    groups = [values[samples == sample] for sample in np.unique(samples)]
    if len(groups) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(settings.bootstrap_seed)
    draws = rng.integers(len(groups), size=(settings.bootstrap_resamples, len(groups)))
    medians = [np.median(np.concatenate([groups[i] for i in draw])) for draw in draws]
    tail = (1 - settings.bootstrap_interval) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)


def summarize(
    patches: pd.DataFrame, metrics: Iterable[MetricColumn], settings: EvaluateSettings
) -> pd.DataFrame:
    """Summarize one stain's patches by region, subset and model.

    Parameters
    ----------
    patches : DataFrame
        One row a patch: ``stain, model, fold, sample, subset, region`` and a column for each
        metric. Folds are pooled: each patch of a test slide counts once per fold.
    metrics : iterable of MetricColumn
    settings : EvaluateSettings

    Returns
    -------
    DataFrame
        One row per region, subset and model, in the paper's order: ``stain, region, subset, model,
        folds, samples, patches`` and for each metric ``_median, _q25, _q75, _low, _high``; NaN
        where a metric was not measured or an interval is not defined.
    """
    rows = []
    for region, subset in product(REGIONS, SUBSETS):
        part = patches[(patches["subset"] == subset) & (patches["region"] == region)]
        for model in in_order(part["model"]):
            group = part[part["model"] == model]
            row = {
                "stain": group["stain"].iloc[0],
                "region": region,
                "subset": subset,
                "model": model,
                "folds": group["fold"].nunique(),
                "samples": group["sample"].nunique(),
                "patches": len(group),
            }
            for metric in metrics:
                row |= _statistics(group.dropna(subset=metric.column), metric.column, settings)
            rows.append(row)
    return pd.DataFrame(rows)


def _statistics(group: pd.DataFrame, column: str, settings: EvaluateSettings) -> dict[str, float]:
    values = group[column].to_numpy(float)
    q25, median, q75 = np.quantile(values, [0.25, 0.5, 0.75]) if len(values) else [np.nan] * 3
    low, high = bootstrap_interval(values, group["sample"].to_numpy(str), settings)
    names = ("median", "q25", "q75", "low", "high")
    return {
        f"{column}_{name}": float(value)
        for name, value in zip(names, (median, q25, q75, low, high), strict=True)
    }
