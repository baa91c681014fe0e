"""One picture a sample: its CT, the stained slides and the real slide, with their numbers.

The line is the outline of the mask: what lies outside is stained, but neither trained nor compared.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from picture_slides import ComparedSlide

from virtual_staining.artefacts.patches import REGIONS, MetricColumn
from virtual_staining.figures.style import ACCENT, panel
from virtual_staining.models.catalogue import model_name
from virtual_staining.models.references import RAW_CT, REFERENCES

PANEL_IN = 3.6
TEXT_IN = 1.1
TABLE = "grey_table"


def draw(
    folder: Path,
    slide: ComparedSlide,
    patches: pd.DataFrame,
    metrics: Sequence[MetricColumn],
    faults: pd.DataFrame,
) -> None:
    """Write the picture of one sample of one fold.

    Parameters
    ----------
    folder : Path
        Exists.
    slide : ComparedSlide
    patches : DataFrame
        The study's patches; medians of this sample's are printed.
    metrics : sequence of MetricColumn
    faults : DataFrame
        One row a slide; this sample's are printed.
    """
    here = {"fold": slide.fold, "sample": slide.sample, "subset": slide.subset}
    models = [name for name in slide.stained if name not in REFERENCES]
    shown = [(name, slide.stained[name]) for name in (RAW_CT, *models, TABLE)]
    height, width = slide.mask.shape
    high_in = PANEL_IN * height / width + TEXT_IN
    figure = Figure(figsize=(PANEL_IN * (len(shown) + 1), high_in), layout="constrained")
    figure.suptitle(f"{slide.sample}, {slide.subset}, fold {slide.fold}")
    axes = figure.subplots(1, len(shown) + 1)
    for place, (name, image) in zip(axes, shown, strict=False):
        panel(place, image, model_name(name))
        place.contour(slide.mask, [0.5], colors=ACCENT, linewidths=0.4)
        own = {**here, "model": name}
        numbers = _medians(_rows(patches, own), metrics)
        text = f"{numbers}\n{_fault_line(_rows(faults, own).iloc[0])}"
        place.set_xlabel(text, fontsize=6, family="monospace")
    panel(axes[-1], slide.real, "Real slide")
    figure.savefig(folder / f"{slide.subset}-{slide.sample}-fold-{slide.fold}.png", dpi=110)


def _rows(table: pd.DataFrame, wanted: dict) -> pd.DataFrame:
    return table[(table[list(wanted)] == pd.Series(wanted)).all(axis=1)]


def _medians(patches: pd.DataFrame, metrics: Sequence[MetricColumn]) -> str:
    """Return a row of medians for each region."""
    medians = patches.groupby("region", sort=False)[[m.column for m in metrics]].median()
    shown = {m.name: medians[m.column].map(f"{{:.{m.decimals}f}}".format) for m in metrics}
    return pd.DataFrame(shown).rename(REGIONS).rename_axis(None).to_string()


def _fault_line(faults: pd.Series) -> str:
    return (
        f"seams {faults['seam_ratio']:.2f}, false holes {faults['false_hole_fraction']:.2%}, "
        f"dark tissue {faults['dark_tissue_fraction']:.2%}"
    )
