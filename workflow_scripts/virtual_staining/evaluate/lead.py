"""By how much the best model beats the best reference."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import HEADLINE_REGIONS, REGIONS, MetricColumn
from virtual_staining.models.catalogue import model_name
from virtual_staining.models.references import ORACLES, REFERENCES

COMPARED = ("validation", "test")  # a model may have learned its training samples by heart


@dataclass(frozen=True)
class Lead:
    """The smallest lead of the best model in one metric, and where the lead is smallest.

    Parameters
    ----------
    metric : MetricColumn
    value : float
        Best model less best reference, in the metric's unit; positive where the model is better.
    subset, region : str
        Where the lead is smallest.
    model : str
        The best model: the same in all metrics, subsets and regions.
    """

    metric: MetricColumn
    value: float
    subset: str
    region: str
    model: str


def best_model(table: pd.DataFrame, metrics: Iterable[MetricColumn]) -> str | None:
    """Return the model with the highest mean rank over metrics, subsets and regions.

    Parameters
    ----------
    table : DataFrame
        As in :func:`smallest_leads`.
    metrics : iterable of MetricColumn
        Those that have one right value take no part.

    Returns
    -------
    str or None
        None where no model was measured. Of models with equal ranks the first in the table.
    """
    rows = _compared(table)
    rows = rows[~rows["model"].isin(REFERENCES)]
    ranks = [
        metric.goodness(part.set_index("model")[f"{metric.column}_median"]).rank()
        for metric in metrics
        if metric.best is None
        for _, part in rows.groupby(["subset", "region"])
    ]
    means = pd.concat(ranks, axis=1).mean(axis=1).dropna() if ranks else pd.Series(dtype=float)
    return None if means.empty else str(means.idxmax())


def smallest_leads(table: pd.DataFrame, metrics: Iterable[MetricColumn]) -> list[Lead]:
    """Return the smallest lead in each metric over validation and test, mask and tissue.

    Parameters
    ----------
    table : DataFrame
        From :func:`virtual_staining.evaluate.table.summarize`, one stain. Medians are compared;
        oracles, which know the real slide, take no part.
    metrics : iterable of MetricColumn

    Returns
    -------
    list of Lead
        Without the metrics that were not measured for both sides, and without those that have one
        right value: they compare how two slides look, not pixel by pixel.
    """
    metrics = [metric for metric in metrics if metric.best is None]
    model = best_model(table, metrics)
    if model is None:
        return []
    rows = _compared(table)
    groups = rows[rows["model"].isin([model, *REFERENCES])].groupby(
        ["subset", "region"], sort=False
    )
    smallest = []
    for metric in metrics:
        leads = [Lead(metric, _lead(part, metric), *place, model) for place, part in groups]
        leads = [lead for lead in leads if pd.notna(lead.value)]
        if leads:
            smallest.append(min(leads, key=lambda lead: lead.value))
    return smallest


def _compared(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the subsets and regions in which models and references are compared."""
    return table[table["subset"].isin(COMPARED) & table["region"].isin(HEADLINE_REGIONS)]


def _lead(rows: pd.DataFrame, metric: MetricColumn) -> float:
    """Return the model's lead within one subset and region, NaN where a side was not measured."""
    goodness = metric.goodness(rows[f"{metric.column}_median"])
    is_model = ~rows["model"].isin(REFERENCES)
    is_reference = ~is_model & ~rows["model"].isin(ORACLES)
    return goodness[is_model].max() - goodness[is_reference].max()


def sentence(leads: Iterable[Lead]) -> str:
    """Say in one sentence whether the best model beats the best reference.

    Parameters
    ----------
    leads : iterable of Lead
        From :func:`smallest_leads`.
    """
    won, lost, model = [], [], ""
    for lead in leads:
        model = model_name(lead.model)
        (won if lead.value > 0 else lost).append(_words(lead))
    if not won and not lost:
        return "No model and reference were measured on validation or test samples to compare."
    parts = [f"beats the best reference in {', '.join(won)}"] if won else []
    parts += [f"does not beat the best reference in {', '.join(lost)}"] if lost else []
    return (
        f"In medians, {model}, the best model by mean rank, {' but '.join(parts)} (smallest lead "
        "over validation and test samples, whole mask and tissue only; oracles left out)."
    )


def _words(lead: Lead) -> str:
    unit = f" {lead.metric.unit}" if lead.metric.unit else ""
    number = f"{lead.value:+.{lead.metric.decimals + 1}f}".replace("-", "−")
    place = f"{SUBSETS[lead.subset].lower()}, {REGIONS[lead.region]}"
    return f"{lead.metric.name} ({number}{unit}, {place})"
