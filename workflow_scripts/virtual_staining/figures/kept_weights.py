"""The weights that each training kept, on validation slides (paper 2.6.3)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from virtual_staining.artefacts.patches import HEADLINE_REGIONS, REGIONS, MetricColumn
from virtual_staining.figures.style import ACCENT
from virtual_staining.models.catalogue import in_order, model_name

MARKS = {HEADLINE_REGIONS[0]: ("o", "none"), HEADLINE_REGIONS[1]: ("o", "black")}


def draw_checkpoints(table: pd.DataFrame, metrics: list[MetricColumn]) -> Figure:
    """Draw the medians of every kept checkpoint: a row of panels a model, a column a metric.

    Parameters
    ----------
    table : DataFrame
        One row per ``model``, ``region`` and ``checkpoint``: ``epochs``, the metrics' medians and
        ``rank``, the mean rank in the region.
    metrics : list of MetricColumn
    """
    shown = [m for m in metrics if m.column in table and table[m.column].notna().any()]
    models = in_order(table["model"])
    heights = [table.loc[table["model"] == model, "checkpoint"].nunique() for model in models]
    figure = Figure(
        figsize=(1.6 * (len(shown) + 1) + 1.6, 0.24 * sum(heights) + 0.75 * len(models) + 0.55),
        layout="constrained",
    )
    grid = figure.add_gridspec(len(models), len(shown) + 1, height_ratios=heights)
    for row, model in enumerate(models):
        part = table[table["model"] == model]
        order = part.groupby("checkpoint")["rank"].mean().sort_values(ascending=False)
        epochs = part.drop_duplicates("checkpoint").set_index("checkpoint")["epochs"]
        names = [f"{name} (epoch {epochs[name]})" for name in order.index]
        panels = [(m.title, m.column) for m in shown] + [("mean rank ↓", "rank")]
        for column, (title, values) in enumerate(panels):
            axes = figure.add_subplot(grid[row, column])
            _dots(axes, part, list(order.index), values)
            axes.set_title(title.replace(" (", "\n(") if row == 0 else "")
            axes.set_yticks(range(len(names)), names if column == 0 else [])
            if column == 0:
                axes.set_ylabel(model_name(model), weight="bold")
    for region, (marker, fill) in MARKS.items():
        axes.plot([], [], marker, color="black", mfc=fill, ms=4, label=REGIONS[region])
    handles = axes.get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(MARKS))
    return figure


def _dots(axes: Axes, part: pd.DataFrame, order: list[str], column: str) -> None:
    """Draw one metric of one model; the best checkpoint, which is the last, is highlighted."""
    axes.axhspan(len(order) - 1.5, len(order) - 0.5, color=ACCENT, alpha=0.15, lw=0)
    for region, (marker, fill) in MARKS.items():
        values = part[part["region"] == region].set_index("checkpoint")[column].reindex(order)
        axes.plot(
            values.to_numpy(float), np.arange(len(order)), marker, color="black", mfc=fill, ms=4
        )
    axes.set_ylim(-0.5, len(order) - 0.5)
    axes.grid(axis="y", color="0.92", lw=0.6)
