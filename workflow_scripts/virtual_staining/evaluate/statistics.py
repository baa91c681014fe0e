"""Whether one model is better than another: paired comparisons over samples, never over patches."""

from collections.abc import Iterable
from itertools import combinations, product

import numpy as np
import pandas as pd
from scipy import stats

from virtual_staining.artefacts.patches import REGIONS, MetricColumn
from virtual_staining.evaluate.bootstrap import Resampling
from virtual_staining.evaluate.lead import COMPARED
from virtual_staining.evaluate.table import PATCH
from virtual_staining.models.catalogue import in_order
from virtual_staining.models.references import ORACLES, REFERENCES
from virtual_staining.settings.evaluate import EvaluateSettings


def compare_models(
    patches: pd.DataFrame, metrics: Iterable[MetricColumn], settings: EvaluateSettings
) -> pd.DataFrame:
    """Compare all models with each other and with every reference.

    A sample's difference is the median over its patches (of all folds) of how much better the first
    model is than the second. Samples are tested with Wilcoxon's signed-rank test, and the p values
    of all pairs of one metric, region and subset are corrected together after Holm.

    Parameters
    ----------
    patches : DataFrame
        As for :func:`virtual_staining.evaluate.table.summarize`.
    metrics : iterable of MetricColumn
    settings : EvaluateSettings

    Returns
    -------
    DataFrame
        One row per region, subset, metric and pair: ``stain, region, subset, metric, first, second,
        samples``, ``difference`` (mean over samples, in the metric's unit, positive where the first
        is better) with ``low`` and ``high`` (hierarchical bootstrap), ``effect`` (matched-pairs
        rank-biserial correlation, -1 to 1), ``p``, ``p_holm`` and ``smallest_p``, the smallest
        corrected p that so few samples allow. Oracles and training samples are left out.
    """
    rows = []
    for region, subset in product(REGIONS, COMPARED):
        part = patches[(patches["subset"] == subset) & (patches["region"] == region)]
        part = part[~part["model"].isin(ORACLES)].set_index(PATCH)
        places = part.index.unique()
        resampling = Resampling(places.get_level_values("sample").to_numpy(str), settings)
        groups = {model: part[part["model"] == model] for model in in_order(part["model"])}
        for metric in metrics:
            goodness = {
                model: metric.goodness(group[metric.column]).reindex(places).to_numpy(float)
                for model, group in groups.items()
            }
            tested = [
                {
                    "stain": part["stain"].iloc[0],
                    "region": region,
                    "subset": subset,
                    "metric": metric.column,
                    "first": first,
                    "second": second,
                    **_compared(goodness[first] - goodness[second], resampling),
                }
                for first, second in _pairs(groups)
            ]
            rows += _corrected([row for row in tested if row["samples"]])
    return pd.DataFrame(rows)


def _pairs(models: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of models, and of a model and a reference, in the tables' order."""
    return [pair for pair in combinations(models, 2) if pair[0] not in REFERENCES]


def _compared(differences: np.ndarray, resampling: Resampling) -> dict:
    """Compare two models on paired patches, shape (n,); NaN where one was not measured."""
    parts = [differences[group] for group in resampling.groups]
    medians = np.array([np.nanmedian(part) for part in parts if not np.isnan(part).all()])
    low, high = resampling.mean_interval(differences)
    return {
        "samples": len(medians),
        "difference": float(medians.mean()) if len(medians) else float("nan"),
        "low": low,
        "high": high,
        "effect": rank_biserial(medians),
        "p": signed_rank_p(medians),
    }


def _corrected(rows: list[dict]) -> list[dict]:
    """Add Holm's correction to the rows of one metric, region and subset."""
    corrected = holm([row["p"] for row in rows])
    smallest = [smallest_p(row["samples"], len(rows)) for row in rows]
    return [
        row | {"p_holm": float(p), "smallest_p": least}
        for row, p, least in zip(rows, corrected, smallest, strict=True)
    ]


def signed_rank_p(differences: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's signed-rank test; samples without a difference are left out."""
    differences = differences[differences != 0]
    if not len(differences):
        return 1.0
    return float(stats.wilcoxon(differences).pvalue)


def rank_biserial(differences: np.ndarray) -> float:
    """Matched-pairs rank-biserial correlation (Kerby 2014, doi:10.2466/11.IT.3.1).

    The sum of ranks of positive differences less that of negative ones, over all ranks: 1 where
    every sample favours the first model, 0 where none is favoured.
    """
    differences = differences[differences != 0]
    if not len(differences):
        return 0.0
    ranks = stats.rankdata(np.abs(differences))
    return float((ranks * np.sign(differences)).sum() / ranks.sum())


def holm(p: Iterable[float]) -> np.ndarray:
    """Correct p values for their number after Holm (1979, Scand. J. Statist. 6, 65-70)."""
    p = np.asarray(list(p), float)
    order = np.argsort(p)
    stepped = p[order] * (len(p) - np.arange(len(p)))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return corrected


def smallest_p(samples: int, pairs: int = 1) -> float:
    """Return the smallest p of the signed-rank test after Holm's correction of so many pairs.

    All samples of one sign are one of 2ⁿ cases on either side.
    """
    return min(1.0, pairs * 2.0 ** (1 - samples))
