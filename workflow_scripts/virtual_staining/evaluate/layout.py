"""The table of medians as Markdown, LaTeX and plain text; the faults of slides as plain text."""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import (
    HEADLINE_REGIONS,
    PAPER_REGION,
    REGIONS,
    MetricColumn,
)
from virtual_staining.models.catalogue import in_order, model_name
from virtual_staining.models.references import ORACLE_MARK, ORACLES, REFERENCE_MARK

ABSENT = "—"
COUNTS = {"sample": "samples", "patch": "patches", "fold": "folds"}
MEDIANS = "median [quartiles] of the patches"
INTERVALS = "in parentheses the bootstrap interval of the median over samples"
MARKS = (
    f"the best of each subset is {{mark}}; {ABSENT}: not measured or not defined; "
    f"{REFERENCE_MARK}: reference without a network; {ORACLE_MARK}: reference that knows the real "
    "slide's implant and is out of competition"
)
LEGEND = f"{MEDIANS}; {INTERVALS}; {MARKS}"
_TEX = str.maketrans(
    {
        **{c: f"\\{c}" for c in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "→": r"$\to$",
        "Δ": r"$\Delta$",
        "—": "---",
        "µ": r"$\mu$",
        "†": r"\dag{}",
        "‡": r"\ddag{}",
    }
)


def best_value(rows: pd.DataFrame, metric: MetricColumn) -> str | None:
    """Return the best median of a subset as it is printed, None where none was measured.

    Parameters
    ----------
    rows : DataFrame
        One subset's rows of the table for one region; oracles cannot be best.
    """
    medians = rows.loc[~rows["model"].isin(ORACLES), f"{metric.column}_median"].dropna()
    if medians.empty:
        return None
    return _number(medians[metric.goodness(medians).idxmax()], metric)


def _number(value: float, metric: MetricColumn) -> str:
    return ABSENT if pd.isna(value) else f"{value:.{metric.decimals}f}"


def _cell(
    row: pd.Series,
    metric: MetricColumn,
    best: str | None,
    mark: Callable[[str], str],
    intervals: bool,
) -> str:
    text = {
        name: _number(row[f"{metric.column}_{name}"], metric)
        for name in ("median", "q25", "q75", "low", "high")
    }
    if text["median"] == ABSENT:
        return ABSENT
    median = mark(text["median"]) if text["median"] == best else text["median"]
    cell = f"{median} [{text['q25']}, {text['q75']}]"
    if not intervals:
        return cell
    interval = ABSENT if text["low"] == ABSENT else f"{text['low']}, {text['high']}"
    return f"{cell} ({interval})"


def blocks(
    table: pd.DataFrame,
    metrics: Sequence[MetricColumn],
    mark: Callable[[str], str],
    intervals: bool = True,
) -> Iterator[tuple[str, list[tuple]]]:
    """Yield each subset's heading and its printed rows (model, then a cell for each metric).

    Parameters
    ----------
    table : DataFrame
        From :func:`virtual_staining.evaluate.table.summarize`, one stain and one region.
    metrics : sequence of MetricColumn
        The table's metrics, a column each.
    mark : callable
        Makes the best value stand out.
    intervals : bool
        Whether the cells have the bootstrap intervals.
    """
    for subset, rows in table.groupby("subset", sort=False):
        counts = [
            f"{number} {singular if number == 1 else plural}"
            for singular, plural in COUNTS.items()
            for number in [rows[plural].max()]
        ]
        best = [best_value(rows, metric) for metric in metrics]
        lines = []
        for _, row in rows.iterrows():
            marked = [None] * len(best) if row["model"] in ORACLES else best
            pairs = zip(metrics, marked, strict=True)
            cells = (_cell(row, *pair, mark, intervals) for pair in pairs)
            lines.append((model_name(row["model"]), *cells))
        yield f"{SUBSETS[subset]} ({', '.join(counts)})", lines


def _header(metrics: Sequence[MetricColumn]) -> tuple[str, ...]:
    return ("Model", *(metric.title for metric in metrics))


def markdown(table: pd.DataFrame, metrics: Sequence[MetricColumn]) -> str:
    """Return one stain's table in Markdown, one part for each region, the best values bold."""
    header = _header(metrics)
    lines = _paper_table(table, metrics)
    for region, part in table.groupby("region", sort=False):
        lines += [f"### {_title(table, region)}", ""]
        lines += [f"| {' | '.join(header)} |", "|:---" * len(header) + "|"]
        for heading, rows in blocks(part, metrics, lambda text: f"**{text}**"):
            lines.append(f"| *{heading}* |" + " |" * (len(header) - 1))
            lines += [f"| {' | '.join(row)} |" for row in rows]
        lines.append("")
    return "\n".join([*lines, LEGEND.format(mark="bold").capitalize() + ".", ""])


def _paper_table(table: pd.DataFrame, metrics: Sequence[MetricColumn]) -> list[str]:
    """Return the lines of the paper's Table 1: medians on the whole mask, a row for each model."""
    used, whole = in_paper(metrics), table[table["region"] == PAPER_REGION]
    subsets = list(whole.groupby("subset", sort=False))
    header = [f"{SUBSETS[subset]}, {m.title}" for subset, _ in subsets for m in used]
    lines = [
        f"### {stain_name(table['stain'].iloc[0])}: medians in the form of the paper's Table 1"
    ]
    lines += ["", f"| Model | {' | '.join(header)} |", "|:---" * (len(header) + 1) + "|"]
    for model in in_order(whole["model"]):
        cells = []
        for _, rows in subsets:
            row = rows[rows["model"] == model]
            for metric in used:
                values = row[f"{metric.column}_median"]
                text = _number(values.iloc[0] if len(values) else float("nan"), metric)
                best = model not in ORACLES and text == best_value(rows, metric)
                cells.append(f"**{text}**" if best else text)
        lines.append(f"| {model_name(model)} | {' | '.join(cells)} |")
    return [*lines, ""]


def in_paper(metrics: Sequence[MetricColumn]) -> list[MetricColumn]:
    """Return the metrics of the paper's Table 1, or all where none of them is there."""
    return [metric for metric in metrics if metric.paper] or list(metrics)


def latex(table: pd.DataFrame, metrics: Sequence[MetricColumn]) -> str:
    """Return one stain's table of the whole mask in LaTeX, as in the paper (needs ``booktabs``)."""
    table, metrics = table[table["region"] == PAPER_REGION], in_paper(metrics)
    header = _header(metrics)
    columns = len(header)
    lines = [r"\begin{table}", r"\centering"]
    lines.append(
        rf"\caption{{{_tex(_title(table, PAPER_REGION))}: {_tex(LEGEND.format(mark='bold'))}.}}"
    )
    lines += [rf"\begin{{tabular}}{{{'l' * columns}}}", r"\toprule"]
    lines.append(" & ".join(map(_tex, header)) + r" \\")
    # Marks go in before the text is escaped, so they are private-use characters until then.
    for heading, rows in blocks(table, metrics, lambda text: f"\ue000{text}\ue001"):
        lines += [r"\midrule", rf"\multicolumn{{{columns}}}{{l}}{{\emph{{{_tex(heading)}}}}} \\"]
        lines += [" & ".join(map(_tex, row)) + r" \\" for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def plain(table: pd.DataFrame, metrics: Sequence[MetricColumn]) -> str:
    """Return one stain's table for a terminal, one part for each region, the best values starred.

    The bootstrap intervals, for which a terminal is too narrow, are left out, and so are the parts
    of the tissue, which stand in the other forms of the table.
    """
    table = table[table["region"].isin(HEADLINE_REGIONS)]
    parts = []
    for region, part in table.groupby("region", sort=False):
        groups = list(blocks(part, metrics, lambda text: f"*{text}", intervals=False))
        parts += [_title(table, region), "", *_aligned_lines(_header(metrics), groups), ""]
    return "\n".join([*parts, f"{MEDIANS}; {MARKS.format(mark='starred')}", ""])


def plain_faults(slides: pd.DataFrame, columns: Sequence[MetricColumn]) -> str:
    """Return the mean faults of one stain's slides for a terminal.

    Parameters
    ----------
    slides : DataFrame
        One row a slide, as ``evaluate table`` writes them.
    columns : sequence of MetricColumn
        The faults.
    """
    groups = []
    for subset, title in SUBSETS.items():
        means = slides[slides["subset"] == subset].groupby("model")[[c.column for c in columns]]
        means = means.mean()
        rows = [
            (model_name(model), *(_number(means.loc[model, c.column], c) for c in columns))
            for model in in_order(means.index)
        ]
        groups += [(title, rows)] if rows else []
    title = f"{stain_name(slides['stain'].iloc[0])}: faults of whole slides, mean over slides"
    return "\n".join([title, "", *_aligned_lines(_header(columns), groups), ""])


def _aligned_lines(header: tuple[str, ...], groups: list[tuple[str, list[tuple]]]) -> list[str]:
    """Return lines whose cells stand below each other, under the heading of each group."""
    rows = [header, *(row for _, rows in groups for row in rows)]
    widths = [max(len(_aligned(cell)) for cell in column) for column in zip(*rows, strict=True)]

    def line(row: tuple[str, ...]) -> str:
        cells = [_aligned(cell).ljust(width) for cell, width in zip(row, widths, strict=True)]
        return " ".join(cells).rstrip()

    lines = [line(header)]
    for heading, group in groups:
        lines += ["", heading, *map(line, group)]
    return lines


def _aligned(cell: str) -> str:
    """Indent a cell without a star, so that digits stand below each other."""
    return cell if cell.startswith("*") else f" {cell}"


def _title(table: pd.DataFrame, region: str) -> str:
    stain = stain_name(table["stain"].iloc[0])
    return f"{stain}: stained against real slides, {REGIONS[region]}"


def _tex(text: str) -> str:
    return text.translate(_TEX).replace("\ue000", r"\textbf{").replace("\ue001", "}")


def stain_name(stain: str) -> str:
    """Return a stain's printed name: ``toluidine_blue`` becomes ``Toluidine blue``."""
    return stain.replace("_", " ").capitalize()
