"""The comparisons of models as Markdown."""

from collections.abc import Sequence

import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import HEADLINE_REGIONS, REGIONS, MetricColumn
from virtual_staining.evaluate.layout import ABSENT, stain_name
from virtual_staining.models.catalogue import model_name

SIGNIFICANT = 0.05
LEGEND = (
    "Each cell: by how much the first is better than the second (mean over samples of the median "
    "of their patches, in the metric's unit) [interval of the hierarchical bootstrap over samples "
    "and their patches], effect r (rank-biserial correlation of the samples, -1 to 1), p of "
    "Wilcoxon's signed-rank test over samples after Holm's correction for all pairs. A cell is "
    f"bold where p < {SIGNIFICANT:g}. Samples of different folds share training data, so p is "
    "somewhat too small where folds are pooled."
)


def markdown(comparisons: pd.DataFrame, metrics: Sequence[MetricColumn]) -> str:
    """Return one stain's comparisons in Markdown, a part for each region and subset.

    Parameters
    ----------
    comparisons : DataFrame
        From :func:`virtual_staining.evaluate.statistics.compare_models`; the whole mask and tissue
        alone are shown.
    metrics : sequence of MetricColumn
        A column each.
    """
    if comparisons.empty:
        return "No model was measured on validation or test samples to compare.\n"
    lines = [f"# {stain_name(comparisons['stain'].iloc[0])}: models compared", ""]
    shown = comparisons[comparisons["region"].isin(HEADLINE_REGIONS)]
    for (region, subset), part in shown.groupby(["region", "subset"], sort=False):
        used = [metric for metric in metrics if (part["metric"] == metric.column).any()]
        lines += [f"### {SUBSETS[subset]}, {REGIONS[region]}", "", *_powers(part), ""]
        header = ["first", "second", "n", *(metric.title for metric in used)]
        lines += [f"| {' | '.join(header)} |", "|:---" * len(header) + "|"]
        for (first, second), rows in part.groupby(["first", "second"], sort=False):
            by_metric = rows.set_index("metric")
            cells = [_cell(by_metric, metric) for metric in used]
            names = model_name(first), model_name(second), str(rows["samples"].max())
            lines.append(f"| {' | '.join([*names, *cells])} |")
        lines.append("")
    return "\n".join([*lines, LEGEND, ""])


def _powers(rows: pd.DataFrame) -> list[str]:
    """Say what the number of samples allows to tell."""
    samples, least = rows["samples"].max(), rows["smallest_p"].min()
    number = f"{samples} sample{'s' if samples != 1 else ''}"
    if least < SIGNIFICANT:
        return [f"With {number} the smallest possible p after correction is {least:.2g}."]
    return [
        f"**With {number} no p below {least:.2g} is possible after correction: too few samples to "
        "tell any pair apart, whatever the numbers say.**"
    ]


def _cell(rows: pd.DataFrame, metric: MetricColumn) -> str:
    if metric.column not in rows.index:
        return ABSENT
    row, decimals = rows.loc[metric.column], metric.decimals + 1
    interval = ABSENT
    if pd.notna(row["low"]):
        interval = f"{row['low']:+.{decimals}f}, {row['high']:+.{decimals}f}"
    number = f"{row['difference']:+.{decimals}f} [{interval}]"
    text = f"{number}, r {row['effect']:+.2f}, p {row['p_holm']:.2g}"
    return f"**{text}**" if row["p_holm"] < SIGNIFICANT else text
