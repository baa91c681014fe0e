"""Arguments that several actions of ``evaluate`` have, and what is read from them."""

import argparse
import itertools

import pandas as pd

from virtual_staining.artefacts.folds import Fold, read_fold
from virtual_staining.artefacts.patches import MetricColumn, in_metric_order
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.evaluate.faults.kernel_distance import squeezenet_features
from virtual_staining.evaluate.measure_fold import Comparison
from virtual_staining.evaluate.metric import load_metrics
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.evaluate import EvaluateSettings


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add ``--results``."""
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )


def add_fold(parser: argparse.ArgumentParser) -> None:
    """Add what says which fold is measured, and how: stain, fold, tiles, threads, settings."""
    add_results(parser)
    parser.add_argument("--stain", required=True, help="stain of the slides")
    parser.add_argument("--fold", required=True, type=int, help="number of the fold, from 1")
    parser.add_argument(
        "--tile-step-px", required=True, type=int, help="distance of the inference's tiles, pixels"
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())


def fold_of(args: argparse.Namespace) -> Fold:
    """Return the fold that the arguments name."""
    return read_fold(args.results.split(args.stain).folds, args.fold)


def comparison_of(args: argparse.Namespace) -> Comparison:
    """Return how slides are compared: settings, metrics and, for KID, the network's features."""
    set_up_processor(args.threads)
    settings = read_settings(EvaluateSettings, args.settings).part("patches")
    records = read_json(args.results.metrics)
    metrics, features = load_metrics(records), None
    lpips = records.get("lpips", {})
    if settings.more_metrics and lpips.get("measured"):
        from virtual_staining.evaluate.metrics.lpips import load

        features = squeezenet_features(load(lpips))
    return Comparison(settings, metrics, args.tile_step_px, features)


def gathered(
    tables: list[tuple[pd.DataFrame, list[MetricColumn]]],
) -> tuple[pd.DataFrame, list[MetricColumn]]:
    """Return the rows and the metrics of several tables together."""
    parts, metrics = zip(*tables, strict=True)
    return pd.concat(parts, ignore_index=True), in_metric_order(itertools.chain(*metrics))
