"""``evaluate table`` and ``show``: gather patches, tabulate medians, print tables."""

import argparse
import itertools
from pathlib import Path

from virtual_staining.artefacts.folders import EvaluationFolder
from virtual_staining.artefacts.patches import (
    KEYS,
    read_metric_table,
    read_patches,
    read_slides,
    write_metric_table,
)
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.errors import InputError
from virtual_staining.evaluate import layout, statistics_layout
from virtual_staining.evaluate.arguments import add_results, gathered
from virtual_staining.evaluate.lead import sentence, smallest_leads
from virtual_staining.evaluate.statistics import compare_models
from virtual_staining.evaluate.table import summarize
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.evaluate import EvaluateSettings


def add_arguments(actions: argparse._SubParsersAction) -> None:
    """Add ``table`` and ``show`` to the stage's actions."""
    table = actions.add_parser(
        "table",
        help="gather patches and tabulate medians",
        description="Gather the patches of all models and folds of a stain, and write the table of "
        "medians, quartiles and bootstrap intervals.",
    )
    add_results(table)
    table.add_argument("--stain", required=True, help="stain of the slides")
    table.add_argument("--models", required=True, nargs="+", help="models to gather")
    table.add_argument("--folds", required=True, nargs="+", type=int, help="folds to gather")
    table.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    table.set_defaults(action_run=run_table)

    show = actions.add_parser(
        "show", help="print tables", description="Print tables that `table` has written."
    )
    show.add_argument("--table", required=True, nargs="+", type=Path, help="table.csv")
    show.set_defaults(action_run=run_show)


def run_table(args: argparse.Namespace) -> None:
    """Gather all patches and slides of a stain; write the table and the comparison of models."""
    settings = read_settings(EvaluateSettings, args.settings).part("table")
    folder = args.results.evaluation(args.stain)
    names = (*args.models, "references")
    folds = list(itertools.product(names, args.folds))
    patches, metrics = gathered(
        [read_patches(folder.fold_patches(*fold).csv, args.stain) for fold in folds]
    )
    slides, faults = gathered(
        [read_slides(folder.fold_slides(*fold).csv, args.stain) for fold in folds]
    )
    table = summarize(patches, metrics, settings)
    write_metric_table(folder.patches.csv, patches, metrics)
    write_metric_table(folder.slides.csv, slides, faults)
    write_metric_table(folder.table.csv, table, metrics)
    comparisons = compare_models(patches, metrics, settings)
    for path, text in (
        (folder.table_markdown, layout.markdown(table, metrics)),
        (folder.table_latex, layout.latex(table, metrics)),
        (folder.statistics, comparisons.to_csv(index=False)),
        (folder.statistics_markdown, statistics_layout.markdown(comparisons, metrics)),
    ):
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print(_printed(folder))


def run_show(args: argparse.Namespace) -> None:
    """Print tables to the terminal."""
    for path in args.table:
        if path.name != EvaluationFolder(path.parent).table.csv.name:
            raise InputError(
                f"{path}: give the table.csv of a stain, 08_evaluate/{{stain}}/table.csv"
            )
        if not path.is_file():
            raise InputError(f"{path}: no such file; has the study been evaluated?")
        print(_printed(EvaluationFolder(path.parent)))


def _printed(folder: EvaluationFolder) -> str:
    """Return a stain's table, the lead of the models and the faults, for a terminal."""
    table, metrics = read_metric_table(folder.table.csv, ("stain", "region", "subset", "model"))
    slides, faults = read_metric_table(folder.slides.csv, KEYS)
    parts = layout.plain(table, metrics), sentence(smallest_leads(table, metrics))
    return "\n".join([*parts, "", layout.plain_faults(slides, faults)])
