"""The table of medians as Markdown, LaTeX and plain text."""

from collections.abc import Callable, Iterator, Sequence

import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.models.catalogue import model_name
from virtual_staining.models.references import ORACLE_MARK, REFERENCE_MARK

ABSENT = "—"
COUNTS = {"sample": "samples", "patch": "patches", "fold": "folds"}
LEGEND = (
    "median [quartiles] of the patches; in parentheses the bootstrap interval of the median over "
    f"samples; the best of each subset is {{mark}}; {ABSENT}: not measured or not defined; "
    f"{REFERENCE_MARK}: reference without a network; {ORACLE_MARK}: reference that knows the real "
    "slide's implant"
)
_TEX = str.maketrans(
    {
        **{c: f"\\{c}" for c in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
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
        One subset's rows of the table.
    """
    medians = rows[f"{metric.column}_median"].dropna()
    if medians.empty:
        return None
    return _number(medians.max() if metric.higher_is_better else medians.min(), metric)


def _number(value: float, metric: MetricColumn) -> str:
    return ABSENT if pd.isna(value) else f"{value:.{metric.decimals}f}"


def _cell(
    row: pd.Series, metric: MetricColumn, best: str | None, mark: Callable[[str], str]
) -> str:
    text = {
        name: _number(row[f"{metric.column}_{name}"], metric)
        for name in ("median", "q25", "q75", "low", "high")
    }
    if text["median"] == ABSENT:
        return ABSENT
    median = mark(text["median"]) if text["median"] == best else text["median"]
    interval = ABSENT if text["low"] == ABSENT else f"{text['low']}, {text['high']}"
    return f"{median} [{text['q25']}, {text['q75']}] ({interval})"


def blocks(
    table: pd.DataFrame, metrics: Sequence[MetricColumn], mark: Callable[[str], str]
) -> Iterator[tuple[str, list[tuple]]]:
    """Yield each subset's heading and its printed rows (model, then a cell for each metric).

    Parameters
    ----------
    table : DataFrame
        From :func:`virtual_staining.evaluate.table.summarize`, one stain.
    metrics : sequence of MetricColumn
        The table's metrics, a column each.
    mark : callable
        Makes the best value stand out.
    """
    for subset, rows in table.groupby("subset", sort=False):
        counts = [
            f"{number} {singular if number == 1 else plural}"
            for singular, plural in COUNTS.items()
            for number in [rows[plural].max()]
        ]
        lines = [
            (model_name(row["model"]), *(_cell(row, m, best_value(rows, m), mark) for m in metrics))
            for _, row in rows.iterrows()
        ]
        yield f"{SUBSETS[subset]} ({', '.join(counts)})", lines


def _header(metrics: Sequence[MetricColumn]) -> tuple[str, ...]:
    return ("Model", *(metric.title for metric in metrics))


def markdown(table: pd.DataFrame, metrics: Sequence[MetricColumn]) -> str:
    """Return one stain's table in Markdown, the best values bold."""
    header = _header(metrics)
    lines = [f"### {_title(table)}", ""]
    lines += [f"| {' | '.join(header)} |", "|:---" * len(header) + "|"]
    for heading, rows in blocks(table, metrics, lambda text: f"**{text}**"):
        lines.append(f"| *{heading}* |" + " |" * (len(header) - 1))
        lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", LEGEND.format(mark="bold").capitalize() + ".", ""])


def latex(table: pd.DataFrame, metrics: Sequence[MetricColumn]) -> str:
    """Return one stain's table in LaTeX (needs ``booktabs``), the best values bold."""
    header = _header(metrics)
    columns = len(header)
    lines = [r"\begin{table}", r"\centering"]
    lines.append(rf"\caption{{{_tex(_title(table))}: {_tex(LEGEND.format(mark='bold'))}.}}")
    lines += [rf"\begin{{tabular}}{{{'l' * columns}}}", r"\toprule"]
    lines.append(" & ".join(map(_tex, header)) + r" \\")
    # Marks go in before the text is escaped, so they are private-use characters until then.
    for heading, rows in blocks(table, metrics, lambda text: f"\ue000{text}\ue001"):
        lines += [r"\midrule", rf"\multicolumn{{{columns}}}{{l}}{{\emph{{{_tex(heading)}}}}} \\"]
        lines += [" & ".join(map(_tex, row)) + r" \\" for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]
    return "\n".join(lines)


def plain(table: pd.DataFrame, metrics: Sequence[MetricColumn]) -> str:
    """Return one stain's table for a terminal, the best values starred."""
    header = _header(metrics)
    parts = list(blocks(table, metrics, lambda text: f"*{text}"))
    rows = [header, *(row for _, rows in parts for row in rows)]
    widths = [max(len(_aligned(cell)) for cell in column) for column in zip(*rows, strict=True)]

    def line(row: tuple[str, ...]) -> str:
        cells = [_aligned(cell).ljust(width) for cell, width in zip(row, widths, strict=True)]
        return " ".join(cells).rstrip()

    lines = [_title(table), "", line(header)]
    for heading, rows in parts:
        lines += ["", heading, *map(line, rows)]
    return "\n".join([*lines, "", LEGEND.format(mark="starred"), ""])


def _aligned(cell: str) -> str:
    """Indent a cell without a star, so that digits stand below each other."""
    return cell if cell.startswith("*") else f" {cell}"


def _title(table: pd.DataFrame) -> str:
    return f"{stain_name(table['stain'].iloc[0])}: stained against real slides"


def _tex(text: str) -> str:
    return text.translate(_TEX).replace("\ue000", r"\textbf{").replace("\ue001", "}")


def stain_name(stain: str) -> str:
    """Return a stain's printed name: ``toluidine_blue`` becomes ``Toluidine blue``."""
    return stain.replace("_", " ").capitalize()
