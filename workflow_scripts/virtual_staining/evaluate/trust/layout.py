"""The checks of the uncertainty as Markdown."""

from collections.abc import Mapping

import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.evaluate.layout import ABSENT, stain_name
from virtual_staining.models.catalogue import model_name

COLUMNS = {
    "error": ("error", 1),
    "coverage": ("coverage", 2),
    "width": ("width", 0),
    "coverage_constant": ("coverage, constant", 2),
    "width_constant": ("width, constant", 0),
    "spearman": ("Spearman", 2),
    "spearman_ct_edge": ("Spearman, CT edge", 2),
    "risk": ("risk", 2),
    "top_tenth": ("top tenth", 2),
}
LEGEND = (
    "Error and width in grey levels, means over the mask. Coverage: part of the pixels whose error "
    "is below the uncertainty, by a calibration without this slide; slides with an alarm are "
    "calibrated on all others, slides without one on the others without. Constant: the same "
    "promise with one width for all pixels of a kind. Spearman: rank correlation of spread and "
    "error. Risk: mean error of the least doubtful pixels over the slide's, averaged over "
    "coverages; 1 says nothing. Top tenth: error of the most doubtful tenth over the slide's. "
    "Alarm: what makes the slide unlike the calibration slides."
)


def markdown(stain: str, rows: pd.DataFrame, promises: Mapping[str, str]) -> str:
    """Return the table of one stain in Markdown.

    Parameters
    ----------
    stain : str
    rows : DataFrame
        From :func:`virtual_staining.evaluate.trust.assessment.assess`, with a column ``model``.
    promises : mapping
        Model to the sentence of its calibration.
    """
    lines = [f"# {stain_name(stain)}: how far to trust the stained slides", ""]
    for model, part in rows.groupby("model", sort=False):
        names = [name for name, _ in COLUMNS.values()]
        lines += [f"### {model_name(model)}", "", f"**{promises[model].capitalize()}.**", ""]
        lines += [f"| sample | subset | {' | '.join(names)} | alarm |"]
        lines += ["|:---" * (len(names) + 3) + "|"]
        for _, row in part.iterrows():
            cells = [row["sample"], SUBSETS[row["subset"]]]
            for column, (_, decimals) in COLUMNS.items():
                value = row[column]
                cells.append(ABSENT if pd.isna(value) else f"{value:.{decimals}f}")
            lines.append(f"| {' | '.join([*cells, row['alarm'] or ABSENT])} |")
        lines.append("")
    return "\n".join([*lines, LEGEND, ""])
