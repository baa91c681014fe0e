"""By how much the best model beats the best reference."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import HEADLINE_REGIONS, REGIONS, MetricColumn
from virtual_staining.models.references import ORACLES, REFERENCES

COMPARED = ("validation", "test")  # a model may have learned its training samples by heart


@dataclass(frozen=True)
class Lead:
    """The smallest lead of the models in one metric, and where the lead is smallest.

    Parameters
    ----------
    metric : MetricColumn
    value : float
        Best model less best reference, in the metric's unit; positive where the model is better.
    subset, region : str
        Where the lead is smallest.
    """

    metric: MetricColumn
    value: float
    subset: str
    region: str


def smallest_leads(table: pd.DataFrame, metrics: Iterable[MetricColumn]) -> list[Lead]:
    """Return each metric's smallest lead over validation and test, mask and tissue.

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
    compared = table["subset"].isin(COMPARED) & table["region"].isin(HEADLINE_REGIONS)
    groups = table[compared].groupby(["subset", "region"], sort=False)
    smallest = []
    for metric in metrics:
        if metric.best is not None:
            continue
        leads = [Lead(metric, _lead(rows, metric), *place) for place, rows in groups]
        leads = [lead for lead in leads if pd.notna(lead.value)]
        if leads:
            smallest.append(min(leads, key=lambda lead: lead.value))
    return smallest


def _lead(rows: pd.DataFrame, metric: MetricColumn) -> float:
    """Return the lead within one subset and region, NaN where one side was not measured."""
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
    won, lost = [], []
    for lead in leads:
        (won if lead.value > 0 else lost).append(_words(lead))
    if not won and not lost:
        return "No model and reference were measured on validation or test samples to compare."
    parts = [f"beats the best reference in {', '.join(won)}"] if won else []
    parts += [f"does not beat the best reference in {', '.join(lost)}"] if lost else []
    return (
        f"In medians, the best model {' but '.join(parts)} (smallest lead over validation and "
        "test samples, whole mask and tissue only; oracles left out)."
    )


def _words(lead: Lead) -> str:
    unit = f" {lead.metric.unit}" if lead.metric.unit else ""
    number = f"{lead.value:+.{lead.metric.decimals + 1}f}".replace("-", "−")
    place = f"{SUBSETS[lead.subset].lower()}, {REGIONS[lead.region]}"
    return f"{lead.metric.name} ({number}{unit}, {place})"
