"""``python -m virtual_staining evaluate``: measure stained slides and references, make tables."""

import argparse
import itertools
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folders import EvaluationFolder
from virtual_staining.artefacts.folds import Fold, read_fold
from virtual_staining.artefacts.patches import (
    KEYS,
    MetricColumn,
    in_metric_order,
    read_metric_table,
    read_patches,
    read_slides,
    write_metric_table,
)
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.atomic import read_json, replacing, write_json
from virtual_staining.evaluate import layout, statistics_layout
from virtual_staining.evaluate.checkpoints import markdown as checkpoints_markdown
from virtual_staining.evaluate.checkpoints import measure_checkpoints, summarize_checkpoints
from virtual_staining.evaluate.faults.kernel_distance import squeezenet_features
from virtual_staining.evaluate.faults.whole_slide import COLUMNS
from virtual_staining.evaluate.lead import sentence, smallest_leads
from virtual_staining.evaluate.measure_fold import Comparison, Slides, measure_fold
from virtual_staining.evaluate.metric import find_needs, load_metrics
from virtual_staining.evaluate.reference_slides import fit_references
from virtual_staining.evaluate.stained_sections import markdown as sections_markdown
from virtual_staining.evaluate.stained_sections import measure_stained_sections
from virtual_staining.evaluate.statistics import compare_models
from virtual_staining.evaluate.structures import command as structures_command
from virtual_staining.evaluate.table import summarize
from virtual_staining.evaluate.trust import command as trust_command
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.infer import InferSettings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``metrics``, ``patches``, ``references``, ``table`` and ``show``."""
    actions = parser.add_subparsers(dest="action", required=True)

    metrics = actions.add_parser(
        "metrics",
        help="find what the metrics need, or say what to set",
        description="Find what the metrics need, such as the ImageNet weights of LPIPS, and write "
        "what will be measured. If something is missing, the message says which setting gives "
        "the file or leaves the metric out.",
    )
    metrics.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    _add_results(metrics)
    metrics.set_defaults(action_run=run_metrics)

    patches = actions.add_parser(
        "patches",
        help="measure one model of one fold",
        description="Compare the stained slides of one model and fold with the real slides, patch "
        "by patch, and write one row per patch.",
    )
    patches.add_argument("--model", required=True, help="model to measure")
    _add_fold(patches)
    patches.set_defaults(action_run=run_patches)

    references = actions.add_parser(
        "references",
        help="fit stains without a network on one fold's training pairs; measure them",
        description="Fit stains without a network, such as a table from grey levels to colours, "
        "on the training pairs of one fold, and measure these stains as `patches` measures a "
        "model. A model should be better than these references.",
    )
    _add_fold(references)
    references.add_argument(
        "--ct-white", required=True, type=float, help="CT grey level that is shown as white"
    )
    references.add_argument("--mask", required=True, help=MaskSettings.argument_help())
    references.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())
    references.set_defaults(action_run=run_references)

    table = actions.add_parser(
        "table",
        help="gather patches and tabulate medians",
        description="Gather the patches of all models and folds of a stain, and write the table of "
        "medians, quartiles and bootstrap intervals.",
    )
    _add_results(table)
    table.add_argument("--stain", required=True, help="stain of the slides")
    table.add_argument("--models", required=True, nargs="+", help="models to gather")
    table.add_argument("--folds", required=True, nargs="+", type=int, help="folds to gather")
    table.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    table.set_defaults(action_run=run_table)

    checkpoints = actions.add_parser(
        "checkpoints",
        help="measure the kept weights of one fold on validation slides",
        description="Stain the validation slides of one fold with every checkpoint that the "
        "training kept, and measure them as `patches` does. Test slides are not looked at.",
    )
    checkpoints.add_argument("--model", required=True, help="model to measure")
    _add_fold(checkpoints)
    checkpoints.add_argument("--infer", required=True, help=InferSettings.argument_help())
    checkpoints.set_defaults(action_run=run_checkpoints)

    choice = actions.add_parser(
        "choice",
        help="tabulate the kept weights",
        description="Gather what `checkpoints` measured and say which weights rank best.",
    )
    _add_results(choice)
    choice.add_argument("--stain", required=True, help="stain of the slides")
    choice.add_argument("--models", required=True, nargs="+", help="models to gather")
    choice.add_argument("--folds", required=True, nargs="+", type=int, help="folds to gather")
    choice.set_defaults(action_run=run_choice)

    sections = actions.add_parser(
        "sections",
        help="measure sections cut out of stained volumes",
        description="Cut sections out of their stained volumes at their own places, and compare "
        "these cuts and the planes translated directly with the real slides, as `patches` does.",
    )
    _add_results(sections)
    sections.add_argument("--stain", required=True, help="stain of the slides")
    sections.add_argument("--model", required=True, help="model that stained the volumes")
    sections.add_argument(
        "--folds", required=True, nargs="+", type=int, help="folds whose networks stained them"
    )
    sections.add_argument("--sections", required=True, nargs="+", help="samples of the volumes")
    sections.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    sections.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    sections.set_defaults(action_run=run_sections, tile_step_px=1)  # of seams, not measured here

    structures_command.add_arguments(actions)
    trust_command.add_arguments(actions)

    show = actions.add_parser(
        "show", help="print tables", description="Print tables that `table` has written."
    )
    show.add_argument("--table", required=True, nargs="+", type=Path, help="table.csv")
    show.set_defaults(action_run=run_show)


def _add_fold(parser: argparse.ArgumentParser) -> None:
    _add_results(parser)
    parser.add_argument("--stain", required=True, help="stain of the slides")
    parser.add_argument("--fold", required=True, type=int, help="number of the fold, from 1")
    parser.add_argument(
        "--tile-step-px", required=True, type=int, help="distance of the inference's tiles, pixels"
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())


def _add_results(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )


def run(args: argparse.Namespace) -> None:
    """Run the action asked for."""
    args.action_run(args)


def run_metrics(args: argparse.Namespace) -> None:
    """Write which metrics are measured, and with what."""
    records = find_needs(read_settings(EvaluateSettings, args.settings).part("metrics"))
    for metric, record in records.items():
        done = "measured" if record["measured"] else "not measured"
        log.info("%s: %s: %s", metric, done, record["reason"])
    write_json(args.results.metrics, records)


def run_patches(args: argparse.Namespace) -> None:
    """Measure one model on all samples of one fold."""
    fold = _fold(args)
    stained = args.results.stained(args.stain, args.model, args.fold)

    def slides(pair: TrainingPair, classes: np.ndarray) -> dict[str, np.ndarray]:
        path = stained.sample(pair.sample).slide
        return {args.model: read_stained_image(path, pair.mask.shape)}

    _measure(args, fold, slides, args.model)


def run_references(args: argparse.Namespace) -> None:
    """Fit all references on one fold's training pairs and measure them on all of its samples."""
    fold = _fold(args)
    mask = read_settings(MaskSettings, args.mask).part("mask")
    normalize = read_settings(NormalizeSettings, args.normalize).part("mask")
    slides = fit_references(args.results, fold, args.ct_white, mask, normalize)
    _measure(args, fold, slides, "references")


def run_checkpoints(args: argparse.Namespace) -> None:
    """Measure every kept checkpoint of one model and fold on the fold's validation slides."""
    fold, tiling = _fold(args), read_settings(InferSettings, args.infer)
    comparison = _comparison(args)
    rows = measure_checkpoints(args.results, fold, args.fold, args.model, tiling, comparison)
    path = args.results.evaluation(args.stain).fold_checkpoints(args.model, args.fold).csv
    write_metric_table(path, rows, comparison.metrics)


def run_sections(args: argparse.Namespace) -> None:
    """Compare sections cut out of stained volumes, and planes translated directly, with slides."""
    path, folder = args.results.split(args.stain).folds, args.results.evaluation(args.stain)
    folds = {number: read_fold(path, number) for number in args.folds}
    comparison = _comparison(args)
    table = measure_stained_sections(args.results, folds, args.model, args.sections, comparison)
    metrics = in_metric_order(comparison.metrics)
    write_metric_table(folder.stained_sections.csv, table, metrics)
    with replacing(folder.stained_sections_markdown) as temporary:
        temporary.write_text(sections_markdown(table, metrics), encoding="utf-8")


def run_choice(args: argparse.Namespace) -> None:
    """Tabulate the kept weights of all models of a stain."""
    folder = args.results.evaluation(args.stain)
    folds = itertools.product(args.models, args.folds)
    rows, metrics = _gathered(
        [read_patches(folder.fold_checkpoints(*fold).csv, args.stain) for fold in folds]
    )
    table, best = summarize_checkpoints(rows, metrics)
    write_metric_table(folder.checkpoints.csv, table, metrics)
    with replacing(folder.checkpoints_markdown) as temporary:
        temporary.write_text(checkpoints_markdown(table, metrics, best), encoding="utf-8")


def _fold(args: argparse.Namespace) -> Fold:
    return read_fold(args.results.split(args.stain).folds, args.fold)


def _comparison(args: argparse.Namespace) -> Comparison:
    set_up_processor(args.threads)
    settings = read_settings(EvaluateSettings, args.settings).part("patches")
    records = read_json(args.results.metrics)
    metrics, features = load_metrics(records), None
    lpips = records.get("lpips", {})
    if settings.more_metrics and lpips.get("measured"):
        from virtual_staining.evaluate.metrics.lpips import load

        features = squeezenet_features(load(lpips))
    return Comparison(settings, metrics, args.tile_step_px, features)


def _measure(args: argparse.Namespace, fold: Fold, slides: Slides, name: str) -> None:
    comparison = _comparison(args)
    patches, faults = measure_fold(args.results, fold, args.fold, slides, comparison)
    folder = args.results.evaluation(args.stain)
    write_metric_table(folder.fold_patches(name, args.fold).csv, patches, comparison.metrics)
    write_metric_table(
        folder.fold_slides(name, args.fold).csv,
        faults,
        [column for column in COLUMNS if column.column in faults],
    )


def run_table(args: argparse.Namespace) -> None:
    """Gather all patches and slides of a stain; write the table and the comparison of models."""
    settings = read_settings(EvaluateSettings, args.settings).part("table")
    folder = args.results.evaluation(args.stain)
    names = (*args.models, "references")
    folds = list(itertools.product(names, args.folds))
    patches, metrics = _gathered(
        [read_patches(folder.fold_patches(*fold).csv, args.stain) for fold in folds]
    )
    slides, faults = _gathered(
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


def _gathered(
    tables: list[tuple[pd.DataFrame, list[MetricColumn]]],
) -> tuple[pd.DataFrame, list[MetricColumn]]:
    """Return the rows and the metrics of several tables together."""
    parts, metrics = zip(*tables, strict=True)
    return pd.concat(parts, ignore_index=True), in_metric_order(itertools.chain(*metrics))


def run_show(args: argparse.Namespace) -> None:
    """Print tables to the terminal."""
    for path in args.table:
        print(_printed(EvaluationFolder(path.parent)))


def _printed(folder: EvaluationFolder) -> str:
    """Return a stain's table, the lead of the models and the faults, for a terminal."""
    table, metrics = read_metric_table(folder.table.csv, ("stain", "region", "subset", "model"))
    slides, faults = read_metric_table(folder.slides.csv, KEYS)
    parts = layout.plain(table, metrics), sentence(smallest_leads(table, metrics))
    return "\n".join([*parts, "", layout.plain_faults(slides, faults)])
