"""The distributions of the metrics by model and subset (paper Figure 7)."""

from collections.abc import Iterable
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import HEADLINE_REGIONS, REGIONS, MetricColumn
from virtual_staining.figures.style import MODEL_COLORS, ORACLE_HATCH, REFERENCE_COLORS
from virtual_staining.models.catalogue import in_order, model_name
from virtual_staining.models.references import ORACLES, REFERENCES

GROUP = 0.84  # part of a subset's place that its boxes fill
METRICS_A_ROW = 2
PANEL_IN = 3.3, 2.5
WHISKER = 1.5  # of the box's length, as Tukey has it
MARGIN = 0.06  # of the axis, beyond the longest whiskers


def draw_boxplots(patches: pd.DataFrame, metrics: Iterable[MetricColumn]) -> Figure:
    """Draw a box for each metric, region, subset and model.

    Boxes span the quartiles, whiskers reach to the furthest patch within 1.5 times the box. The
    whole mask (as in the paper) and tissue alone stand side by side. The axis of a metric reaches
    as far as its whiskers; a panel says how many patches lie beyond.

    Parameters
    ----------
    patches : DataFrame
        One row a patch, as ``evaluate table`` writes them.
    metrics : iterable of MetricColumn
        In the order of the panels. A metric without any value (that was not measured) gets none.
    """
    patches = patches[patches["region"].isin(HEADLINE_REGIONS)]
    metrics = [metric for metric in metrics if patches[metric.column].notna().any()]
    regions = [region for region in HEADLINE_REGIONS if (patches["region"] == region).any()]
    models = in_order(patches["model"])
    columns = len(regions) * min(len(metrics), METRICS_A_ROW)
    rows = ceil(len(metrics) / METRICS_A_ROW)
    size = PANEL_IN[0] * columns, PANEL_IN[1] * rows + 0.8
    figure = Figure(figsize=size, layout="constrained")
    for number, metric in enumerate(metrics):
        first, limits = None, _limits(patches, metric)
        for place, region in enumerate(regions, start=number * len(regions) + 1):
            axes = figure.add_subplot(rows, columns, place, sharey=first)
            first = first or axes
            chosen = patches[patches["region"] == region]
            _panel(axes, chosen, metric, models, limits)
            axes.set_title(f"{metric.title}, {REGIONS[region]}", weight="bold")
    handles = [Patch(**_look(m, models), label=model_name(m)) for m in models]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(models), 4))
    return figure


def _look(model: str, models: list[str]) -> dict:
    """Return the face, edge and hatch of a model's boxes."""
    colors = {m: MODEL_COLORS[i % len(MODEL_COLORS)] for i, m in enumerate(models)}
    colors |= dict(zip(REFERENCES, REFERENCE_COLORS, strict=True))
    look = {"facecolor": colors[model], "edgecolor": "0.2", "linewidth": 0.6}
    return look | ({"hatch": ORACLE_HATCH} if model in ORACLES else {})


def _limits(patches: pd.DataFrame, metric: MetricColumn) -> tuple[float, float]:
    """Return the ends of a metric's axis: the longest whiskers and a margin."""
    ends = []
    for _, values in patches.groupby(["region", "subset", "model"])[metric.column]:
        values = values.dropna().to_numpy()
        if len(values):
            q25, q75 = np.quantile(values, [0.25, 0.75])
            reach = WHISKER * (q75 - q25)
            inside = values[(values >= q25 - reach) & (values <= q75 + reach)]
            ends += [inside.min(), inside.max()]
    low, high = min(ends), max(ends)
    margin = MARGIN * (high - low or 1)
    return low - margin, high + margin


def _panel(
    axes: Axes,
    patches: pd.DataFrame,
    metric: MetricColumn,
    models: list[str],
    limits: tuple[float, float],
) -> None:
    subsets = [subset for subset in SUBSETS if (patches["subset"] == subset).any()]
    width = GROUP / len(models)
    for i, subset in enumerate(subsets):
        for j, model in enumerate(models):
            chosen = (patches["subset"] == subset) & (patches["model"] == model)
            axes.boxplot(
                patches.loc[chosen, metric.column].dropna(),
                positions=[i + (j + 0.5) * width - GROUP / 2],
                widths=0.82 * width,
                whis=WHISKER,
                patch_artist=True,
                boxprops=_look(model, models),
                medianprops={"color": "black", "linewidth": 1.3},
                whiskerprops={"linewidth": 0.6, "color": "0.2"},
                capprops={"linewidth": 0.6, "color": "0.2"},
                flierprops={"marker": ".", "markersize": 2, "markeredgecolor": "0.5"},
            )
    axes.set_xlim(-0.5, len(subsets) - 0.5)
    axes.set_ylim(limits)
    axes.set_xticks(range(len(subsets)), [SUBSETS[subset] for subset in subsets])
    axes.tick_params(axis="x", length=0)
    for i in range(1, len(subsets)):
        axes.axvline(i - 0.5, color="0.85", lw=0.6, zorder=0)
    axes.grid(axis="y", color="0.9", lw=0.6)
    axes.set_axisbelow(True)
    values = patches[metric.column].dropna()
    beyond = int(((values < limits[0]) | (values > limits[1])).sum())
    if beyond:
        note = f"{beyond} of {len(values)} patches beyond the axis"
        axes.set_xlabel(note, fontsize=6.5, color="0.4", labelpad=1)
