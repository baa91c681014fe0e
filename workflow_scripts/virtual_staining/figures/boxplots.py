"""The distributions of the metrics by model and subset (paper Figure 7)."""

from collections.abc import Iterable
from math import ceil

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import PAPER_REGION, MetricColumn
from virtual_staining.figures.style import MODEL_COLORS, REFERENCE_COLORS
from virtual_staining.models.catalogue import in_order, model_name
from virtual_staining.models.references import REFERENCES

GROUP = 0.84  # part of a subset's place that its boxes fill
COLUMNS = 3  # panels side by side


def draw_boxplots(patches: pd.DataFrame, metrics: Iterable[MetricColumn]) -> Figure:
    """Draw a panel for each measured metric, in it a box for each subset and model.

    Boxes span the quartiles, whiskers reach to the furthest patch within 1.5 times the box.

    Parameters
    ----------
    patches : DataFrame
        One row a patch, as ``evaluate table`` writes them; those of the whole mask are drawn, as in
        the paper.
    metrics : iterable of MetricColumn
        In the order of the panels. A metric without any value (that was not measured) gets none.
    """
    patches = patches[patches["region"] == PAPER_REGION]
    metrics = [metric for metric in metrics if patches[metric.column].notna().any()]
    models = in_order(patches["model"])
    subsets = [subset for subset in SUBSETS if (patches["subset"] == subset).any()]
    colors = {m: MODEL_COLORS[i % len(MODEL_COLORS)] for i, m in enumerate(models)}
    colors |= dict(zip(REFERENCES, REFERENCE_COLORS, strict=True))
    columns = min(len(metrics), COLUMNS)
    rows = ceil(len(metrics) / COLUMNS)
    figure = Figure(figsize=(3.4 * columns, 2.6 * rows + 0.8), layout="constrained")
    for number, metric in enumerate(metrics, start=1):
        axes = figure.add_subplot(rows, columns, number)
        _panel(axes, patches, metric, models, subsets, colors)
    handles = [Patch(facecolor=colors[m], edgecolor="0.2", label=model_name(m)) for m in models]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(models), 4))
    return figure


def _panel(
    axes: Axes,
    patches: pd.DataFrame,
    metric: MetricColumn,
    models: list[str],
    subsets: list[str],
    colors: dict[str, str],
) -> None:
    width = GROUP / len(models)
    for i, subset in enumerate(subsets):
        for j, model in enumerate(models):
            chosen = (patches["subset"] == subset) & (patches["model"] == model)
            axes.boxplot(
                patches.loc[chosen, metric.column].dropna(),
                positions=[i + (j + 0.5) * width - GROUP / 2],
                widths=0.82 * width,
                patch_artist=True,
                boxprops={"facecolor": colors[model], "linewidth": 0.6, "edgecolor": "0.2"},
                medianprops={"color": "black", "linewidth": 1.3},
                whiskerprops={"linewidth": 0.6, "color": "0.2"},
                capprops={"linewidth": 0.6, "color": "0.2"},
                flierprops={"marker": ".", "markersize": 2, "markeredgecolor": "0.5"},
            )
    axes.set_xlim(-0.5, len(subsets) - 0.5)
    axes.set_xticks(range(len(subsets)), [SUBSETS[subset] for subset in subsets])
    axes.tick_params(axis="x", length=0)
    for i in range(1, len(subsets)):
        axes.axvline(i - 0.5, color="0.85", lw=0.6, zorder=0)
    axes.grid(axis="y", color="0.9", lw=0.6)
    axes.set_axisbelow(True)
    axes.set_title(metric.title, weight="bold")
