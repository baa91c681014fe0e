"""``python -m virtual_staining evaluate``: measure stained slides and references, make tables."""

import argparse
import logging

import numpy as np

from virtual_staining.artefacts.folds import Fold
from virtual_staining.artefacts.patches import write_metric_table
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.evaluate import checkpoints_command, sections_command, table_command
from virtual_staining.evaluate.arguments import add_fold, add_results, comparison_of, fold_of
from virtual_staining.evaluate.faults.whole_slide import COLUMNS
from virtual_staining.evaluate.measure_fold import Slides, measure_fold
from virtual_staining.evaluate.metric import find_needs
from virtual_staining.evaluate.reference_slides import fit_references
from virtual_staining.evaluate.structures import command as structures_command
from virtual_staining.evaluate.trust import command as trust_command
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the stage's actions."""
    actions = parser.add_subparsers(dest="action", required=True)

    metrics = actions.add_parser(
        "metrics",
        help="find what the metrics need, or say what to set",
        description="Find what the metrics need, such as the ImageNet weights of LPIPS, and write "
        "what will be measured. If something is missing, the message says which setting gives "
        "the file or leaves the metric out.",
    )
    metrics.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    add_results(metrics)
    metrics.set_defaults(action_run=run_metrics)

    patches = actions.add_parser(
        "patches",
        help="measure one model of one fold",
        description="Compare the stained slides of one model and fold with the real slides, patch "
        "by patch, and write one row per patch.",
    )
    patches.add_argument("--model", required=True, help="model to measure")
    add_fold(patches)
    patches.set_defaults(action_run=run_patches)

    references = actions.add_parser(
        "references",
        help="fit stains without a network on one fold's training pairs; measure them",
        description="Fit stains without a network, such as a table from grey levels to colours, "
        "on the training pairs of one fold, and measure these stains as `patches` measures a "
        "model. A model should be better than these references.",
    )
    add_fold(references)
    references.add_argument(
        "--ct-white", required=True, type=float, help="CT grey level that is shown as white"
    )
    references.add_argument("--mask", required=True, help=MaskSettings.argument_help())
    references.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())
    references.set_defaults(action_run=run_references)

    table_command.add_arguments(actions)
    checkpoints_command.add_arguments(actions)
    sections_command.add_arguments(actions)
    structures_command.add_arguments(actions)
    trust_command.add_arguments(actions)


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
    fold = fold_of(args)
    stained = args.results.stained(args.stain, args.model, args.fold)

    def slides(pair: TrainingPair, classes: np.ndarray) -> dict[str, np.ndarray]:
        path = stained.sample(pair.sample).slide
        return {args.model: read_stained_image(path, pair.mask.shape)}

    _measure(args, fold, slides, args.model)


def run_references(args: argparse.Namespace) -> None:
    """Fit all references on one fold's training pairs and measure them on all of its samples."""
    fold = fold_of(args)
    mask = read_settings(MaskSettings, args.mask).part("mask")
    normalize = read_settings(NormalizeSettings, args.normalize).part("mask")
    slides = fit_references(args.results, fold, args.ct_white, mask, normalize)
    _measure(args, fold, slides, "references")


def _measure(args: argparse.Namespace, fold: Fold, slides: Slides, name: str) -> None:
    comparison = comparison_of(args)
    patches, faults = measure_fold(args.results, fold, args.fold, slides, comparison)
    folder = args.results.evaluation(args.stain)
    write_metric_table(folder.fold_patches(name, args.fold).csv, patches, comparison.metrics)
    write_metric_table(
        folder.fold_slides(name, args.fold).csv,
        faults,
        [column for column in COLUMNS if column.column in faults],
    )
