"""How stained slides agree with real ones, and how far their uncertainty holds."""

import re
from math import ceil

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.figures.style import ACCENT, MODEL_COLORS
from virtual_staining.imaging.pictures import draw_doubt
from virtual_staining.models.catalogue import in_order, model_name

COLUMNS = 4
PANEL_IN = 2.5
MARKERS = {"validation": "o", "test": "^"}
DASHED = (0, (5, 3))


def draw_agreement(slides: pd.DataFrame) -> Figure:
    """Draw virtual less real against their mean for each measure (Bland and Altman 1986).

    Parameters
    ----------
    slides : DataFrame
        One row a slide: ``model`` (``real`` for real slides), ``sample``, ``subset`` and a column
        for each measure. Validation and test samples are drawn, once each.
    """
    held = slides[slides["subset"].isin(MARKERS)]
    about = ("stain", "model", "fold", "sample", "material", "subset")
    measures = [column for column in slides if column not in about]
    models = in_order(set(held["model"]) - {"real"})
    rows = ceil(len(measures) / COLUMNS)
    size = PANEL_IN * min(len(measures), COLUMNS), PANEL_IN * rows + 0.5
    figure = Figure(figsize=size, layout="constrained")
    for number, measure in enumerate(measures, start=1):
        axes = figure.add_subplot(rows, min(len(measures), COLUMNS), number)
        values = held.pivot_table(measure, ["subset", "sample"], "model", aggfunc="mean")
        for model, color in zip(models, MODEL_COLORS, strict=False):
            if {"real", model} <= set(values):
                _bland_altman(axes, values[["real", model]].dropna(), model, color)
        axes.axhline(0, color="0.3", lw=0.8)
        axes.set_title(_printed(measure), weight="bold")
        axes.set(xlabel="mean of virtual and real", ylabel="virtual − real")
    handles, _ = figure.axes[0].get_legend_handles_labels()
    handles += [
        Line2D([], [], color="0.3", label="bias", lw=1),
        Line2D([], [], color="0.3", label="limits of agreement (1.96 SD)", lw=0.7, ls=DASHED),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    return figure


def _printed(column: str) -> str:
    """Return a column's name for a title: ``bone_percent_0_100um`` is ``bone, % 0–100 µm``."""
    text = re.sub(r"(\d+)_(\d+)um", r"\1–\2 µm", column).replace("_percent", ", %")
    text = re.sub(r"_um$", ", µm", text).replace("degraded", "degradation layer")
    return text.replace("_mm2", ", mm²").replace("_", " ")


def _bland_altman(axes: Axes, values: pd.DataFrame, model: str, color: str) -> None:
    for subset, marker in MARKERS.items():
        if subset in values.index.get_level_values("subset"):
            part = values.xs(subset, level="subset").to_numpy()
            label = f"{model_name(model)}, {SUBSETS[subset].lower()}"
            means, differences = part.mean(axis=1), part[:, 1] - part[:, 0]
            axes.scatter(means, differences, 14, color, marker=marker, label=label)
    difference = (values[model] - values["real"]).to_numpy()
    if len(difference) > 1:
        bias, spread = difference.mean(), 1.96 * difference.std(ddof=1)
        axes.axhline(bias, color=color, lw=1)
        for limit in (bias - spread, bias + spread):
            axes.axhline(limit, color=color, lw=0.7, ls=DASHED)


def draw_uncertainty(
    rows: pd.DataFrame,
    promised: float,
    slide: np.ndarray,
    uncertainty: np.ndarray,
    pixel_um: float,
    bar_um: float,
    title: str,
) -> Figure:
    """Draw each held-out slide's coverage and rank correlation, and one slide with its doubt.

    Parameters
    ----------
    rows : DataFrame
        One row a slide and model: ``coverage``, ``spearman``, ``spearman_ct_edge``, ``alarm``.
    promised : float
        Part of the pixels that should be covered.
    slide : ndarray, shape (y, x, 3), uint8
        A stained slide.
    uncertainty : ndarray, shape (y, x), uint8
        Its uncertainty, 0 outside the mask.
    pixel_um, bar_um : float
        Pixel size and scale bar, µm.
    title : str
        Name of the slide.
    """
    figure = Figure(figsize=(12, 9), layout="constrained")
    grid = figure.add_gridspec(3, 3)
    samples = list(dict.fromkeys(rows["sample"]))
    tall = [figure.add_subplot(grid[row, 0:2]) for row in (0, 1)]
    models = in_order(rows["model"])
    for model, color in zip(models, MODEL_COLORS, strict=False):
        for subset, marker in MARKERS.items():
            part = rows[(rows["model"] == model) & (rows["subset"] == subset)]
            place = np.array([samples.index(sample) for sample in part["sample"]])
            look = {"color": color, "marker": marker, "ls": "none"}
            label = f"{model_name(model)}, {SUBSETS[subset].lower()}"
            tall[0].plot(place, part["coverage"], label=label, **look)
            alarmed = part["alarm"].fillna("").ne("").to_numpy()
            tall[0].plot(place[alarmed], part["coverage"][alarmed], "x", color="black", ms=9)
            tall[1].plot(place, part["spearman"], **look)
            tall[1].plot(place, part["spearman_ct_edge"], "_", color=color, ms=10)
    tall[0].axhline(promised, color=ACCENT, lw=1, label=f"promised: {promised:.0%}")
    tall[0].set_title("part of the pixels below the uncertainty (×: alarm)", weight="bold")
    tall[1].set_title("rank correlation with the error (–: of the CT's edges)", weight="bold")
    for axes in tall:
        axes.set_xticks(range(len(samples)), samples, rotation=90 if len(samples) > 12 else 0)
        axes.grid(axis="y", color="0.9", lw=0.6)
    low = min(rows["coverage"].min(), promised)
    tall[0].set_ylim(low - 0.1 * (1 - low) - 0.005, 1.005)
    tall[1].set_ylim(None, 1.02)
    legend = tall[0].get_legend_handles_labels()
    figure.legend(*legend, loc="outside lower left", ncols=5)
    _risk_curves(figure.add_subplot(grid[2, 0:2]), rows, models)
    shown = figure.add_subplot(grid[0, 2]), figure.add_subplot(grid[1, 2])
    draw_doubt(shown, slide, uncertainty, pixel_um, bar_um)
    shown[0].set_title(f"{title}: most doubtful tenth hatched")
    shown[1].set_title("uncertainty")
    return figure


def _risk_curves(axes: Axes, rows: pd.DataFrame, models: list[str]) -> None:
    """Draw each slide's mean error of its least doubtful pixels against their part."""
    columns = [column for column in rows if re.fullmatch(r"risk_\d+", column)]
    parts = [int(column.split("_")[1]) for column in columns]
    for model, color in zip(models, MODEL_COLORS, strict=False):
        for _, curve in rows.loc[rows["model"] == model, columns].iterrows():
            axes.plot(parts, curve.to_numpy(float), color=color, lw=1, alpha=0.7)
    axes.axhline(1, color="0.3", lw=0.8, ls=DASHED)
    axes.set_title("risk and coverage, a line a slide (dashed: order says nothing)", weight="bold")
    axes.set(xlabel="least doubtful pixels (%)", ylabel="error / mean error")
