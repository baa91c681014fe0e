"""``evaluate structures`` and ``evaluate volumes``: what bone-implant labs measure."""

import argparse
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.evaluate.structures.measures import measures
from virtual_staining.evaluate.structures.study import agreement, fold_structures
from virtual_staining.evaluate.structures.study import markdown as agreement_markdown
from virtual_staining.evaluate.structures.volumes import markdown as volumes_markdown
from virtual_staining.evaluate.structures.volumes import measure_volumes
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.normalize import NormalizeSettings


def add_arguments(actions: argparse._SubParsersAction) -> None:
    """Add ``structures`` and ``volumes`` to the stage's actions."""
    structures = actions.add_parser(
        "structures",
        help="measure what labs measure on real and stained slides",
        description="Measure bone-implant contact, bone in rings around the implant, degradation "
        "layer and residual metal on real and stained slides, by one classifier of colours that is "
        "learned on each fold's real training slides, and tabulate how well they agree.",
    )
    structures.add_argument("--models", required=True, nargs="+", help="models to measure")
    structures.set_defaults(action_run=run_structures)

    volumes = actions.add_parser(
        "volumes",
        help="measure the same on stained volumes",
        description="Measure on stained volumes what `structures` measures on slides.",
    )
    volumes.add_argument("--model", required=True, help="model that stained the volumes")
    volumes.add_argument("--volumes", required=True, nargs="+", help="ids of the volumes")
    volumes.set_defaults(action_run=run_volumes)

    for action in (structures, volumes):
        action.add_argument(
            "--results", required=True, type=Results, help="results folder of the study"
        )
        action.add_argument("--stain", required=True, help="stain of the slides")
        action.add_argument(
            "--folds", required=True, nargs="+", type=int, help="folds whose networks stained"
        )
        action.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
        action.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())


def run_structures(args: argparse.Namespace) -> None:
    """Measure the structures of all slides of a stain and how well the stained slides agree."""
    settings = read_settings(EvaluateSettings, args.settings).part("structures")
    normalize = read_settings(NormalizeSettings, args.normalize)
    folds = args.results.split(args.stain).folds
    tables = [
        fold_structures(
            args.results, read_fold(folds, fold), fold, args.models, settings, normalize
        )
        for fold in args.folds
    ]
    slides, folder = pd.concat(tables, ignore_index=True), args.results.evaluation(args.stain)
    columns = measures(settings.rings_um, settings.contact_gap_px)
    table = agreement(slides, columns)
    _write(folder.structures, slides.to_csv(index=False))
    _write(folder.agreement, table.to_csv(index=False))
    _write(folder.agreement_markdown, agreement_markdown(table, columns))


def run_volumes(args: argparse.Namespace) -> None:
    """Measure the structures of stained volumes."""
    settings = read_settings(EvaluateSettings, args.settings).part("structures")
    normalize = read_settings(NormalizeSettings, args.normalize)
    path, folder = args.results.split(args.stain).folds, args.results.evaluation(args.stain)
    folds = [read_fold(path, fold) for fold in args.folds]
    table = measure_volumes(args.results, folds, args.model, args.volumes, settings, normalize)
    columns = measures(settings.rings_um, settings.contact_gap_px, dimensions=3)
    _write(folder.volumes, table.to_csv(index=False))
    _write(folder.volumes_markdown, volumes_markdown(table, columns))


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
