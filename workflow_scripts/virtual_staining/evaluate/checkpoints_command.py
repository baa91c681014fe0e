"""``evaluate checkpoints`` and ``choice``: the weights that each training kept."""

import argparse
import itertools

from virtual_staining.artefacts.patches import read_patches, write_metric_table
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.evaluate.arguments import (
    add_fold,
    add_results,
    comparison_of,
    fold_of,
    gathered,
)
from virtual_staining.evaluate.checkpoints import markdown as checkpoints_markdown
from virtual_staining.evaluate.checkpoints import measure_checkpoints, summarize_checkpoints
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.infer import InferSettings


def add_arguments(actions: argparse._SubParsersAction) -> None:
    """Add ``checkpoints`` and ``choice`` to the stage's actions."""
    checkpoints = actions.add_parser(
        "checkpoints",
        help="measure the kept weights of one fold on validation slides",
        description="Stain the validation slides of one fold with every checkpoint that the "
        "training kept, and measure them as `patches` does. Test slides are not looked at.",
    )
    checkpoints.add_argument("--model", required=True, help="model to measure")
    add_fold(checkpoints)
    checkpoints.add_argument("--infer", required=True, help=InferSettings.argument_help())
    checkpoints.set_defaults(action_run=run_checkpoints)

    choice = actions.add_parser(
        "choice",
        help="tabulate the kept weights",
        description="Gather what `checkpoints` measured and say which weights rank best.",
    )
    add_results(choice)
    choice.add_argument("--stain", required=True, help="stain of the slides")
    choice.add_argument("--models", required=True, nargs="+", help="models to gather")
    choice.add_argument("--folds", required=True, nargs="+", type=int, help="folds to gather")
    choice.set_defaults(action_run=run_choice)


def run_checkpoints(args: argparse.Namespace) -> None:
    """Measure every kept checkpoint of one model and fold on the fold's validation slides."""
    fold, tiling = fold_of(args), read_settings(InferSettings, args.infer)
    comparison = comparison_of(args)
    rows = measure_checkpoints(args.results, fold, args.fold, args.model, tiling, comparison)
    path = args.results.evaluation(args.stain).fold_checkpoints(args.model, args.fold).csv
    write_metric_table(path, rows, comparison.metrics)


def run_choice(args: argparse.Namespace) -> None:
    """Tabulate the kept weights of all models of a stain."""
    folder = args.results.evaluation(args.stain)
    folds = itertools.product(args.models, args.folds)
    rows, metrics = gathered(
        [read_patches(folder.fold_checkpoints(*fold).csv, args.stain) for fold in folds]
    )
    table, best = summarize_checkpoints(rows, metrics)
    write_metric_table(folder.checkpoints.csv, table, metrics)
    with replacing(folder.checkpoints_markdown) as temporary:
        temporary.write_text(checkpoints_markdown(table, metrics, best), encoding="utf-8")
