"""Medians by model and subset, with quartiles and bootstrap intervals (paper Table 1)."""

from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import REGIONS, MetricColumn
from virtual_staining.evaluate.bootstrap import Resampling
from virtual_staining.models.catalogue import in_order
from virtual_staining.settings.evaluate import EvaluateSettings

# What tells one patch of a region and subset from another.
PATCH = ["fold", "sample", "y_px", "x_px"]


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
        part = part.set_index(PATCH)
        places = part.index.unique()
        resampling = Resampling(places.get_level_values("sample").to_numpy(str), settings)
        for model in in_order(part["model"]):
            group = part[part["model"] == model]
            row = {
                "stain": group["stain"].iloc[0],
                "region": region,
                "subset": subset,
                "model": model,
                "folds": group.index.get_level_values("fold").nunique(),
                "samples": group.index.get_level_values("sample").nunique(),
                "patches": len(group),
            }
            for metric in metrics:
                values = group[metric.column].reindex(places).to_numpy(float)
                row |= _statistics(values, metric.column, resampling)
            rows.append(row)
    return pd.DataFrame(rows)


def _statistics(values: np.ndarray, column: str, resampling: Resampling) -> dict[str, float]:
    defined = values[~np.isnan(values)]
    q25, median, q75 = np.quantile(defined, [0.25, 0.5, 0.75]) if len(defined) else [np.nan] * 3
    low, high = resampling.median_interval(values)
    names = ("median", "q25", "q75", "low", "high")
    return {
        f"{column}_{name}": float(value)
        for name, value in zip(names, (median, q25, q75, low, high), strict=True)
    }
