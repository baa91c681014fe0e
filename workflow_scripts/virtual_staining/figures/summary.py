"""The first page of a study's report: what ran, how sure it is, and what to distrust."""

import base64
import html
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pandas as pd
from PIL import Image

from virtual_staining import __version__
from virtual_staining.artefacts.folds import SUBSETS, Fold
from virtual_staining.artefacts.patches import HEADLINE_REGIONS, REGIONS, MetricColumn
from virtual_staining.figures.doubts import doubts, lead_sentences
from virtual_staining.models.catalogue import in_order, model_name
from virtual_staining.models.references import REFERENCES, marked_title

DECIMALS = 3
# Browsers show a page inside Snakemake's report.html only up to some 1.5 MB.
PICTURE_PX, JPEG_QUALITY = 1400, 80


@dataclass(frozen=True)
class Study:
    """What the page tells of.

    Parameters
    ----------
    stain : str
    fold : Fold
        The fold of the pictures.
    folds : int
        Number of folds that were trained.
    patches, table, slides : DataFrame
        As ``evaluate table`` writes them.
    metrics : list of MetricColumn
        Of ``patches`` and ``table``.
    uncertainty : DataFrame or None
        As ``evaluate trust`` writes it.
    promised : float
        Part of the pixels that the uncertainty should cover.
    more : mapping
        Title to a further table.
    tiled : bool
        Whether slides were stained tile by tile.
    textured : bool
        Whether stained slides show a texture made of noise.
    """

    stain: str
    fold: Fold
    folds: int
    patches: pd.DataFrame
    table: pd.DataFrame
    slides: pd.DataFrame
    metrics: list[MetricColumn]
    uncertainty: pd.DataFrame | None
    promised: float
    more: Mapping[str, pd.DataFrame]
    tiled: bool = True
    textured: bool = False


def title_of(model: str) -> str:
    """Return the printed name of a model or a reference."""
    return marked_title(REFERENCES[model]) if model in REFERENCES else model_name(model)


def summary_page(study: Study, pictures: Mapping[str, Path]) -> str:
    """Return the page as HTML that needs no other file.

    Parameters
    ----------
    study : Study
    pictures : mapping
        Caption to PNG file.
    """
    stain = study.stain.replace("_", " ")
    shown = [
        f'<figure><img src="data:image/jpeg;base64,{_encoded(path)}" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, path in pictures.items()
    ]
    further = "".join(
        f"<details><summary>{html.escape(title)}</summary>{sortable(table)}</details>"
        for title, table in study.more.items()
    )
    parts = {
        "TITLE": html.escape(f"{stain.capitalize()}: virtual staining"),
        "RAN": _items(what_ran(study)),
        "SURE": _items(how_sure(study)),
        "DISTRUST": _items(
            doubts(study.patches, study.slides, study.uncertainty, study.tiled, study.textured)
        ),
        "TABLE": sortable(medians(study)),
        "PICTURES": "".join(shown),
        "MORE": further,
        "DATA": json.dumps(chart_data(study)).replace("</", "<\\/"),
    }
    page = (resources.files(__package__) / "summary.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        page = page.replace(f"<!-- {name} -->", part)
    return page


def what_ran(study: Study) -> list[str]:
    """Return sentences on models, folds and slides."""
    models = [model_name(model) for model in in_order(_models(study))]
    counts = ", ".join(
        f"{len(getattr(study.fold, subset))} {name.lower()}" for subset, name in SUBSETS.items()
    )
    samples = [sample for subset in SUBSETS for sample in getattr(study.fold, subset)]
    materials = pd.Series([study.fold.material.get(sample, "") for sample in samples])
    named = [f"{n} {name or 'unnamed'}" for name, n in materials.value_counts().items()]
    implants = f" Implants: {', '.join(named)}." if materials.any() else ""
    folds = f"{study.folds} fold{'s' if study.folds != 1 else ''}"
    return [
        f"Models: {', '.join(models)}; {folds} trained; program version {__version__}.",
        f"Slides of the fold that is shown: {counts}.{implants}",
        f"{study.patches[['sample', 'y_px', 'x_px']].drop_duplicates().shape[0]} patches compared.",
    ]


def how_sure(study: Study) -> list[str]:
    """Return sentences on the lead over the references and on the uncertainty."""
    found = lead_sentences(study.table, study.metrics, title_of)
    rows = study.uncertainty
    if rows is None:
        return [*found, "No uncertainty was calibrated (evaluate: trust: true does)."]
    for model, part in rows.groupby("model", sort=False):
        calm = part[part["alarm"].fillna("") == ""]
        covered = (calm["coverage"] >= study.promised).sum()
        found.append(
            f"Uncertainty of {model_name(str(model))}: on {covered} of {len(calm)} held-out slides "
            f"without an alarm at least {study.promised:.0%} of the pixels are off by less "
            f"({calm['width'].mean():.0f} grey levels on average); {len(part) - len(calm)} "
            f"slides raise the alarm. The spread ranks errors with a mean Spearman of "
            f"{part['spearman'].mean():.2f}."
        )
    return found


def medians(study: Study) -> pd.DataFrame:
    """Return the one table that matters: medians on test slides (else validation), tissue alone."""
    table, region = study.table, HEADLINE_REGIONS[1]
    subset = "test" if (table["subset"] == "test").any() else "validation"
    rows = table[(table["region"] == region) & (table["subset"] == subset)]
    columns = {"model": [title_of(model) for model in rows["model"]]}
    columns |= {
        metric.title: [_fixed(v, metric.decimals) for v in rows[f"{metric.column}_median"]]
        for metric in study.metrics
        if rows[f"{metric.column}_median"].notna().any()
    }
    named = pd.DataFrame(columns)
    return named.rename(columns={"model": f"{SUBSETS[subset]} slides, {REGIONS[region]}"})


def chart_data(study: Study) -> dict:
    """Return medians of each sample for the charts: region to metric to rows."""
    found = []
    for region, rows in study.patches.groupby("region", sort=False):
        means = rows.groupby(["model", "subset", "sample"], sort=False)
        values = means[[metric.column for metric in study.metrics]].median().reset_index()
        values.insert(0, "region", REGIONS[str(region)])
        found.append(values)
    rows = pd.concat(found, ignore_index=True)
    known = set(rows["model"])
    order = [*in_order(_models(study)), *(name for name in REFERENCES if name in known)]
    return {
        "metrics": {metric.column: metric.title for metric in study.metrics},
        "models": {model: title_of(model) for model in order},
        "subsets": SUBSETS,
        "rows": json.loads(rows.round(4).to_json(orient="records")),
    }


def sortable(table: pd.DataFrame) -> str:
    """Return a table whose columns sort when their heads are clicked."""
    heads = "".join(
        f'<th><button type="button">{html.escape(str(column))}</button></th>' for column in table
    )
    lines = []
    for row in table.itertuples(index=False):
        cells = "".join(f"<td>{html.escape(_cell(value))}</td>" for value in row)
        lines.append(f"<tr>{cells}</tr>")
    body = "".join(lines)
    return f'<table class="sortable"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def _cell(value: object) -> str:
    if pd.isna(value):
        return "—"
    return f"{value:.{DECIMALS}g}" if isinstance(value, float) and value % 1 else f"{value}"


def _fixed(value: float, decimals: int) -> str:
    return "—" if pd.isna(value) else f"{value:.{decimals}f}"


def _items(sentences: Sequence[str]) -> str:
    return "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)


def _models(study: Study) -> set[str]:
    return set(study.patches["model"]) - set(REFERENCES)


def _encoded(path: Path) -> str:
    """Return a picture as JPEG, base64, no wider than the page shows it."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((PICTURE_PX, 2 * PICTURE_PX))
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return base64.b64encode(buffer.getvalue()).decode()
