"""``python -m virtual_staining evaluate``: find LPIPS' weights, measure patches, make tables."""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS, read_fold
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.pair_stats import read_background_levels
from virtual_staining.artefacts.patches import (
    KEYS,
    in_metric_order,
    read_metric_table,
    read_patches,
    write_metric_table,
)
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.atomic import read_json, replacing, write_json
from virtual_staining.errors import InputError
from virtual_staining.evaluate import layout
from virtual_staining.evaluate.metric import find_needs, load_metrics
from virtual_staining.evaluate.patch_metrics import measure
from virtual_staining.evaluate.table import summarize
from virtual_staining.imaging.intensity import ct_to_display, ct_window
from virtual_staining.models.references import RAW_CT
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.evaluate import EvaluateSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``backbone``, ``patches``, ``table`` and ``show``."""
    actions = parser.add_subparsers(dest="action", required=True)

    backbone = actions.add_parser("backbone", help="find LPIPS' weights, or say what to set")
    backbone.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    _add_results(backbone)
    backbone.set_defaults(action_run=run_backbone)

    patches = actions.add_parser("patches", help="measure one model of one fold")
    _add_results(patches)
    patches.add_argument("--stain", required=True, help="stain of the slides")
    patches.add_argument(
        "--model", required=True, help=f"model to measure; {RAW_CT} measures the grey CT itself"
    )
    patches.add_argument("--fold", required=True, type=int, help="number of the fold, from 1")
    patches.add_argument("--ct-white", type=float, default=50000, help="CT grey level of white")
    patches.add_argument("--threads", type=int, default=1)
    patches.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    patches.set_defaults(action_run=run_patches)

    table = actions.add_parser("table", help="gather patches and tabulate medians")
    _add_results(table)
    table.add_argument("--stain", required=True, help="stain of the slides")
    table.add_argument("--models", required=True, nargs="+", help="models to gather")
    table.add_argument("--folds", required=True, nargs="+", type=int, help="folds to gather")
    table.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    table.set_defaults(action_run=run_table)

    show = actions.add_parser("show", help="print tables")
    show.add_argument("--table", required=True, nargs="+", type=Path, help="table.csv")
    show.set_defaults(action_run=run_show)


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )


def run(args: argparse.Namespace) -> None:
    """Run the action asked for."""
    args.action_run(args)


def run_backbone(args: argparse.Namespace) -> None:
    """Write which metrics are measured, and with what."""
    records = find_needs(read_settings(EvaluateSettings, args.settings).part("backbone"))
    for metric, record in records.items():
        done = "measured" if record["measured"] else "not measured"
        log.info("%s: %s: %s", metric, done, record["reason"])
    write_json(args.results.lpips, records)


def run_patches(args: argparse.Namespace) -> None:
    """Measure one model (or the grey CT) on all samples of one fold."""
    settings = read_settings(EvaluateSettings, args.settings).part("patches")
    set_up_processor(args.threads)
    fold = read_fold(args.results.split(args.stain).folds, args.fold)
    metrics = load_metrics(read_json(args.results.lpips))
    rows = []
    for subset in SUBSETS:
        samples = getattr(fold, subset)
        for sample in samples:
            found = _measure_sample(args, sample, settings, metrics)
            if not found:
                log.warning("%s: the mask covers no patch well enough; left out", sample)
            values = (fold.stain, args.model, args.fold, sample)
            values += (fold.material.get(sample, ""), subset)
            rows += [dict(zip(KEYS, values, strict=True)) | row for row in found]
        log.info("%s: %d samples measured", subset, len(samples))
    if not rows:
        raise InputError(
            f"{args.results}: {args.stain}, fold {args.fold}: no patch of {settings.patch_px} px "
            f"overlaps a mask by {settings.min_overlap:.0%}; lower evaluate.patch_px or "
            "evaluate.min_overlap"
        )
    path = args.results.evaluation(args.stain).fold(args.model, args.fold).csv
    write_metric_table(path, pd.DataFrame(rows), metrics)


def _measure_sample(
    args: argparse.Namespace, sample: str, settings: EvaluateSettings, metrics: dict
) -> list[dict]:
    pair = read_training_pair(args.results, sample)
    normalized = args.results.normalized(sample)
    _, background = read_background_levels(normalized.stats)
    if args.model == RAW_CT:
        grey = ct_to_display(pair.ct, ct_window(args.ct_white))
        generated = np.repeat(grey[..., None], 3, axis=-1)
    else:
        stained = args.results.stained(args.stain, args.model, args.fold).sample(sample)
        generated = read_stained_image(stained.slide, pair.mask.shape)
    try:
        return measure(pair.slide, generated, pair.mask, background, settings, metrics)
    except ValueError as error:
        raise InputError(f"{normalized.path}: {error}") from error


def run_table(args: argparse.Namespace) -> None:
    """Gather all patches of a stain and write the table in three forms."""
    settings = read_settings(EvaluateSettings, args.settings).part("table")
    folder = args.results.evaluation(args.stain)
    paths = [folder.fold(model, fold).csv for model in args.models for fold in args.folds]
    tables, metrics = zip(*(read_patches(path, args.stain) for path in paths), strict=True)
    patches = pd.concat(tables, ignore_index=True)
    metrics = in_metric_order(metric for of_fold in metrics for metric in of_fold)
    if RAW_CT not in set(patches["model"]):
        log.warning("no rows of the raw-CT baseline")
    table = summarize(patches, metrics, settings)
    write_metric_table(folder.patches.csv, patches, metrics)
    write_metric_table(folder.table.csv, table, metrics)
    for path, text in (
        (folder.table_markdown, layout.markdown(table, metrics)),
        (folder.table_latex, layout.latex(table, metrics)),
    ):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print(layout.plain(table, metrics))


def run_show(args: argparse.Namespace) -> None:
    """Print tables to the terminal."""
    for path in args.table:
        print(layout.plain(*read_metric_table(path, ("stain", "subset", "model"))))
