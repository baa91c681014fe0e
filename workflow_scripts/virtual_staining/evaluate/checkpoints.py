"""The weights that a training kept, compared on validation slides (paper 2.6.3)."""

import dataclasses
import logging
from collections.abc import Iterable

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.patches import HEADLINE_REGIONS, REGIONS, MetricColumn
from virtual_staining.artefacts.paths import Results
from virtual_staining.errors import InputError
from virtual_staining.evaluate.layout import stain_name
from virtual_staining.evaluate.measure_fold import Comparison, measure_fold
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.models.catalogue import in_order, model_name
from virtual_staining.settings.infer import InferSettings

log = logging.getLogger(__name__)


def measure_checkpoints(
    results: Results,
    fold: Fold,
    number: int,
    model: str,
    tiling: InferSettings,
    comparison: Comparison,
) -> pd.DataFrame:
    """Stain one fold's validation slides with every kept checkpoint and measure them.

    Neither training nor test slides are looked at, so that a choice made here is honest on test.

    Returns
    -------
    DataFrame
        One row per patch, region and ``checkpoint``, as from :func:`measure_fold`, with ``epoch``.

    Raises
    ------
    InputError
        If the fold has no validation samples or the training kept no weights.
    """
    from virtual_staining.artefacts.generator import load_generators
    from virtual_staining.artefacts.generator_file import read_origin
    from virtual_staining.runtime import choose_device

    paths = sorted(results.trained(fold.stain, model, number).best.glob("*.pt"))
    if not paths:
        raise InputError(f"{results.trained(fold.stain, model, number).best}: holds no weights")
    if not fold.validation:
        raise InputError(
            f"{results}: {fold.stain}, fold {number}: no validation sample to choose on"
        )
    device, epochs, generators = choose_device(), {}, {}
    for path in paths:
        epoch, loss = read_origin(path)
        epochs[loss], generators[loss] = epoch, load_generators(path, device)
        generators[loss].check_tiling(tiling)

    def slides(pair: TrainingPair, classes: np.ndarray) -> dict[str, np.ndarray]:
        return {
            loss: one.slide_from_ct(pair.ct, tiling, tiling.texture)[0]
            for loss, one in generators.items()
        }

    validation = dataclasses.replace(fold, train=(), test=())
    rows, _ = measure_fold(results, validation, number, slides, comparison)
    rows = rows.rename(columns={"model": "checkpoint"})
    rows.insert(1, "model", model)
    rows.insert(3, "epoch", rows["checkpoint"].map(epochs))
    return rows


def summarize_checkpoints(
    rows: pd.DataFrame, metrics: Iterable[MetricColumn]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the medians of each model's checkpoints, and the best checkpoint of each model.

    Parameters
    ----------
    rows : DataFrame
        From :func:`measure_checkpoints`, all models and folds together.
    metrics : iterable of MetricColumn

    Returns
    -------
    table : DataFrame
        One row per model, region (whole mask, tissue) and checkpoint: ``stain, model, region,
        checkpoint, epochs, samples, patches``, the metrics' medians, and ``rank``: the mean over
        the metrics that have a direction, 1 is best.
    best : dict
        Model to the checkpoint of the lowest mean rank over both regions.
    """
    metrics = [metric for metric in metrics if rows[metric.column].notna().any()]
    tables, best = [], {}
    for model in in_order(rows["model"]):
        parts = []
        for region in HEADLINE_REGIONS:
            chosen = rows[(rows["model"] == model) & (rows["region"] == region)]
            if not chosen.empty:
                parts.append(_medians(chosen, metrics))
        table = pd.concat(parts, ignore_index=True)
        best[model] = table.groupby("checkpoint")["rank"].mean().idxmin()
        tables.append(table)
    return pd.concat(tables, ignore_index=True), best


def _medians(rows: pd.DataFrame, metrics: list[MetricColumn]) -> pd.DataFrame:
    """Summarize one model and region."""
    groups = rows.groupby("checkpoint")
    table = groups[[metric.column for metric in metrics]].median()
    ranks = [
        metric.goodness(table[metric.column]).rank(ascending=False)
        for metric in metrics
        if metric.best is None
    ]
    epochs = groups["epoch"].agg(lambda values: " ".join(map(str, sorted(set(values)))))
    about = {
        "stain": rows["stain"].iloc[0],
        "model": rows["model"].iloc[0],
        "region": rows["region"].iloc[0],
        "checkpoint": table.index,
        "epochs": epochs,
        "samples": groups["sample"].nunique(),
        "patches": groups.size(),
    }
    table = pd.DataFrame(about, index=table.index).join(table)
    return table.assign(rank=pd.concat(ranks, axis=1).mean(axis=1)).reset_index(drop=True)


def markdown(table: pd.DataFrame, metrics: Iterable[MetricColumn], best: dict[str, str]) -> str:
    """Return the table of :func:`summarize_checkpoints` in Markdown, and what it suggests."""
    used = [metric for metric in metrics if metric.column in table]
    header = ["checkpoint", "epochs", "samples", *(metric.title for metric in used), "mean rank"]
    lines = [f"# {stain_name(table['stain'].iloc[0])}: kept weights on validation slides", ""]
    for (model, region), rows in table.groupby(["model", "region"], sort=False):
        lines += [f"### {model_name(model)}, {REGIONS[region]}", ""]
        lines += [f"| {' | '.join(header)} |", "|:---" * len(header) + "|"]
        for _, row in rows.sort_values("rank").iterrows():
            cells = [row["checkpoint"], row["epochs"], str(row["samples"])]
            cells += [_number(row[metric.column], metric) for metric in used]
            cells.append(f"{row['rank']:.2f}")
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    for model, checkpoint in best.items():
        lines.append(f"- {model_name(model)}: `train: infer_checkpoint: {checkpoint}` ranks best.")
    return "\n".join([*lines, "", LEGEND, ""])


def _number(value: float, metric: MetricColumn) -> str:
    return "—" if pd.isna(value) else f"{value:.{metric.decimals + 1}f}"


LEGEND = (
    "Medians of the patches of the validation slides, each stained by the fold that did not train "
    "on it. A checkpoint is named by the loss that was lowest in its epoch; `last` is the end of "
    "the training. Once weights are chosen here, their validation numbers are too good; test "
    "numbers stay honest."
)
