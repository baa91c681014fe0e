"""Structures of all slides of a stain, and how well virtual and real slides agree."""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS, Fold
from virtual_staining.artefacts.pair import read_tissue, read_training_pair
from virtual_staining.artefacts.pair_stats import read_background_levels
from virtual_staining.artefacts.patches import KEYS
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.errors import InputError
from virtual_staining.evaluate.layout import stain_name
from virtual_staining.evaluate.lead import COMPARED
from virtual_staining.evaluate.metrics.stain_density import optical_density
from virtual_staining.evaluate.structures.agreement import bland_altman, intraclass_correlation
from virtual_staining.evaluate.structures.classifier import ColourClassifier, training_structures
from virtual_staining.evaluate.structures.measures import Measure, measure_structures, tidied
from virtual_staining.models.catalogue import in_order, model_name
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.normalize import NormalizeSettings

REAL = "real"
FEW = 9
log = logging.getLogger(__name__)


def fit_classifier(
    results: Results, samples: Sequence[str], normalize: NormalizeSettings
) -> ColourClassifier:
    """Learn the structures' colours on real training slides.

    Raises
    ------
    InputError
        If an image is missing or damaged, or the slides show fewer than two structures.
    """
    classifier = ColourClassifier()
    for sample in samples:
        pair = read_training_pair(results, sample)
        normalized = results.normalized(sample)
        pixel_um = pixel_size_um(normalized.slide)
        _, background = read_background_levels(normalized.stats)
        density = optical_density(pair.slide, background)
        classes = read_tissue(results, pair)
        known = training_structures(classes, pair.ct, density, pixel_um, normalize)
        classifier.add(pair.slide, known, background, pixel_um)
    try:
        classifier.fit()
    except ValueError as error:
        raise InputError(f"{results}: {error}; look at the masks") from error
    return classifier


def fold_structures(
    results: Results,
    fold: Fold,
    number: int,
    models: Sequence[str],
    settings: EvaluateSettings,
    normalize: NormalizeSettings,
) -> pd.DataFrame:
    """Measure the structures of all real and virtual slides of one fold.

    Returns
    -------
    DataFrame
        One row a slide: ``KEYS``, of which ``model`` is ``real`` for the real slide, and a column
        for each measure.

    Raises
    ------
    InputError
        As in :func:`fit_classifier`.
    """
    classifier, rows = fit_classifier(results, fold.train, normalize), []
    for subset in SUBSETS:
        for sample in getattr(fold, subset):
            pair = read_training_pair(results, sample)
            normalized = results.normalized(sample)
            _, background = read_background_levels(normalized.stats)
            pixel_um = pixel_size_um(normalized.slide)
            slides = {REAL: pair.slide}
            for model in models:
                path = results.stained(fold.stain, model, number).sample(sample).slide
                slides[model] = read_stained_image(path, pair.mask.shape)
            for name, slide in slides.items():
                found = tidied(classifier.classify(slide, pair.mask, background, pixel_um))
                rings, gap_um = settings.rings_um, settings.contact_gap_px * pixel_um
                values = (fold.stain, name, number, sample, fold.material.get(sample, ""), subset)
                rows.append(
                    dict(zip(KEYS, values, strict=True))
                    | measure_structures(found, pixel_um, rings, gap_um)
                )
        log.info("%s: structures measured", subset)
    return pd.DataFrame(rows)


def agreement(slides: pd.DataFrame, columns: Sequence[Measure]) -> pd.DataFrame:
    """Compare virtual with real slides of validation and test samples.

    A sample's values are averaged over folds first, so that each sample counts once.

    Parameters
    ----------
    slides : DataFrame
        From :func:`fold_structures`, all folds together.
    columns : sequence of Measure

    Returns
    -------
    DataFrame
        One row per model and measure: ``stain, model, measure, unit, slides, real, virtual`` (means
        over slides), ``bias, low, high`` (Bland and Altman) and ``icc``.
    """
    held_out = slides[slides["subset"].isin(COMPARED)]
    rows = []
    for model in in_order(set(held_out["model"]) - {REAL}):
        for measure in columns:
            values = held_out.pivot_table(measure.column, "sample", "model", aggfunc="mean")
            values = values.reindex(columns=[REAL, model]).dropna().to_numpy()
            bias, low, high = bland_altman(values[:, 0], values[:, 1])
            real, virtual = values.mean(axis=0) if len(values) else (np.nan, np.nan)
            rows.append(
                {
                    "stain": slides["stain"].iloc[0],
                    "model": model,
                    "measure": measure.column,
                    "unit": measure.unit,
                    "slides": len(values),
                    "real": real,
                    "virtual": virtual,
                    "bias": bias,
                    "low": low,
                    "high": high,
                    "icc": intraclass_correlation(values),
                }
            )
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame, columns: Sequence[Measure]) -> str:
    """Return the table of :func:`agreement` in Markdown, with the formula of each measure."""
    names = {measure.column: f"{measure.name} ({measure.unit})" for measure in columns}
    lines = [f"# {stain_name(table['stain'].iloc[0])}: structures on virtual and real slides", ""]
    for model, rows in table.groupby("model", sort=False):
        lines += [f"### {model_name(model)}, validation and test samples", ""]
        if rows["slides"].max() < FEW:
            lines += [f"**{rows['slides'].max()} slides are too few for trustworthy limits.**", ""]
        lines += ["| measure | slides | real | virtual | bias [95 % limits of agreement] | ICC |"]
        lines += ["|:---" * 6 + "|"]
        for _, row in rows.iterrows():
            cells = [names[row["measure"]], str(row["slides"])]
            cells += [_number(row["real"]), _number(row["virtual"])]
            cells += [f"{_number(row['bias'])} [{_number(row['low'])}, {_number(row['high'])}]"]
            lines.append(f"| {' | '.join([*cells, _number(row['icc'])])} |")
        lines.append("")
    lines += [f"- {measure.name}: {measure.formula}." for measure in columns]
    return "\n".join([*lines, "", LEGEND, ""])


def _number(value: float) -> str:
    return "—" if pd.isna(value) else f"{value:.2f}"


LEGEND = (
    "One classifier of colours, learned on the real training slides of each fold, gives the "
    "structures of real and virtual slides alike; what it confuses (a dark lacuna) it confuses on "
    "both. A degradation layer thinner than 3 pixels is not seen, and a blurred edge of the "
    "implant may pass for one. Bias: virtual less real (Bland and Altman 1986); ICC(2,1): absolute "
    "agreement (Shrout and Fleiss 1979). Do not read the contact alone: CT blurs the metal's edge, "
    "so read it beside BV/TV in the rings."
)
