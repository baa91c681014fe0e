"""``python -m virtual_staining figures``: draw one figure as PNG and SVG."""

import argparse
import logging
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.patches import (
    read_metric_table,
    read_patches,
    read_rows,
    read_slides,
)
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image, read_training_patches
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.errors import InputError
from virtual_staining.figures import summary_command
from virtual_staining.figures.boxplots import draw_boxplots
from virtual_staining.figures.checks import draw_agreement, draw_uncertainty
from virtual_staining.figures.directions import draw_directions
from virtual_staining.figures.examples import Example, choose_samples, read_example
from virtual_staining.figures.kept_weights import draw_checkpoints
from virtual_staining.figures.resolution import draw_resolution, read_curves
from virtual_staining.figures.style import RC, save
from virtual_staining.figures.training_patches import draw_patches
from virtual_staining.figures.whole_slides import draw_models, draw_slides
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.figures import FiguresSettings
from virtual_staining.settings.normalize import NormalizeSettings

CHECKPOINT_KEYS = ("model", "region", "checkpoint", "epochs", "rank")
log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``patches``, ``slides``, ``models`` and ``boxplots``."""
    actions = parser.add_subparsers(dest="action", required=True)

    patches = actions.add_parser(
        "patches",
        help="a model's output on training patches (Fig. 4a)",
        description="Draw training patches beside a model's direct output, without tiling.",
    )
    patches.add_argument("--model", required=True, help="model to show")
    patches.set_defaults(draw=_patches)

    slides = actions.add_parser(
        "slides",
        help="real and generated slides of a model (Fig. 5)",
        description="Draw real and generated slides of one model for training, validation and test "
        "samples.",
    )
    slides.add_argument("--model", required=True, help="model to show")
    slides.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())
    slides.set_defaults(draw=_slides)

    for name, text, draw in (
        (
            "training_slide",
            "a training slide in both directions with its mask (Fig. 4b)",
            _training,
        ),
        ("unmasked", "slides in both directions without the mask (Fig. S1)", _unmasked),
    ):
        action = actions.add_parser(name, help=text, description=f"Draw {text}.")
        action.add_argument("--model", required=True, help="model to show")
        action.set_defaults(draw=draw)
        _add_fold(action)
        _add_common(action)

    models = actions.add_parser(
        "models",
        help="the models side by side (Fig. 6)",
        description="Draw the same section stained by each model, beside the real slide.",
    )
    models.add_argument("--models", required=True, nargs="+", help="models to show")
    models.set_defaults(draw=_models)

    boxplots = actions.add_parser(
        "boxplots",
        help="distributions of the metrics (Fig. 7)",
        description="Draw the distribution of each metric over all patches, by model and subset.",
    )
    boxplots.set_defaults(draw=_boxplots)

    agreement = actions.add_parser(
        "agreement",
        help="agreement of structures on stained and real slides",
        description="Draw bias and limits of agreement of what `evaluate structures` measured.",
    )
    agreement.set_defaults(draw=_agreement)
    _add_common(agreement)

    uncertainty = actions.add_parser(
        "uncertainty",
        help="coverage of the uncertainty, slide by slide",
        description="Draw what `evaluate trust` found on each held-out slide, and one slide with "
        "its most doubtful tenth.",
    )
    uncertainty.add_argument("--model", required=True, help="model to show")
    uncertainty.add_argument(
        "--promised", required=True, type=float, help="part of the pixels that should be covered"
    )
    uncertainty.set_defaults(draw=_uncertainty)
    _add_fold(uncertainty)
    _add_common(uncertainty)

    resolution = actions.add_parser(
        "resolution",
        help="resolution of real and stained slides and CT (S3)",
        description="Draw the Fourier ring correlation of a validation and a test slide, and the "
        "resolutions of all held-out slides that `evaluate patches` measured.",
    )
    resolution.add_argument("--models", required=True, nargs="+", help="models to show")
    resolution.add_argument("--evaluate", required=True, help=EvaluateSettings.argument_help())
    resolution.set_defaults(draw=_resolution)
    _add_fold(resolution)
    _add_common(resolution)

    checkpoints = actions.add_parser(
        "checkpoints",
        help="the weights that each training kept, on validation slides",
        description="Draw the medians of `evaluate choice` for every kept checkpoint.",
    )
    checkpoints.set_defaults(draw=_checkpoints)
    _add_common(checkpoints)

    summary_command.add_arguments(actions)

    for action in (patches, slides, models):
        _add_fold(action)
    for action in (patches, slides, models, boxplots):
        _add_common(action)


def _add_fold(action: argparse.ArgumentParser) -> None:
    action.add_argument("--fold", required=True, type=int, help="number of the fold, from 1")
    action.add_argument("--ct-white", type=float, default=50000, help="CT grey level of white")


def _add_common(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )
    action.add_argument("--stain", required=True, help="stain of the slides")
    action.add_argument("--settings", required=True, help=FiguresSettings.argument_help())


def run(args: argparse.Namespace) -> None:
    """Draw the figure asked for, or write the summary."""
    if args.action == "summary":
        summary_command.run(args)
        return
    settings = read_settings(FiguresSettings, args.settings).part(args.action)
    out = args.results.figure(args.stain, args.action)
    with mpl.rc_context(RC):
        save(args.draw(args, settings), out, settings.dpi)
    log.info("drawn: %s", out)


def _patches(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    stained = args.results.stained(args.stain, args.model, args.fold)
    patches = read_training_patches(stained.training_patches)
    pixel_um = [
        pixel_size_um(args.results.normalized(sample).slide) for sample in patches.get("sample", [])
    ]
    bar_um = settings.scale_bar_um
    return draw_patches(patches, settings.patches, args.ct_white, pixel_um, bar_um)


def _slides(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    subsets = ("train", "validation", "test")
    levels = read_settings(NormalizeSettings, args.normalize)
    examples = _examples(args, settings, [args.model], subsets, normalize=levels)
    return draw_slides(examples, args.model, settings.scale_bar_um)


def _training(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    examples = _examples(args, settings, [args.model], ("train",))
    return draw_directions(examples, args.model, settings.scale_bar_um, with_mask=True)


def _unmasked(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    subsets = ("train", "validation", "test")
    examples = _examples(args, settings, [args.model], subsets, masked=False)
    return draw_directions(examples, args.model, settings.scale_bar_um, with_mask=False)


def _agreement(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    return draw_agreement(read_rows(args.results.evaluation(args.stain).structures))


def _uncertainty(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    folder = args.results.evaluation(args.stain)
    rows = read_rows(folder.uncertainty)
    examples = _examples(args, settings, [args.model], ("validation", "test"))
    example = examples[-1]
    path = folder.uncertainty_images / args.model / f"{example.sample}.tif"
    image = read_stained_image(path, example.mask.shape)
    slide, title = example.stained[args.model], f"{example.title} {example.sample}"
    bar_um = settings.scale_bar_um
    return draw_uncertainty(rows, args.promised, slide, image, example.pixel_um, bar_um, title)


def _resolution(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    how, folds = (
        read_settings(EvaluateSettings, args.evaluate),
        args.results.split(args.stain).folds,
    )
    chosen = choose_samples(read_fold(folds, args.fold), ("validation", "test"), settings)
    if not chosen:
        raise InputError(f"{folds}: fold {args.fold} has no sample to show")
    curves = [
        read_curves(args.results, args.stain, args.fold, subset, sample, args.models, how)
        for subset, sample in chosen.items()
    ]
    slides, _ = read_slides(args.results.evaluation(args.stain).slides.csv, args.stain)
    return draw_resolution(curves, slides)


def _checkpoints(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    path = args.results.evaluation(args.stain).checkpoints.csv
    return draw_checkpoints(*read_metric_table(path, CHECKPOINT_KEYS))


def _models(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    examples = _examples(args, settings, args.models, ("validation", "test"))
    return draw_models(examples, settings.scale_bar_um)


def _examples(
    args: argparse.Namespace,
    settings: FiguresSettings,
    models: Sequence[str],
    subsets: tuple[str, ...],
    masked: bool = True,
    normalize: NormalizeSettings | None = None,
) -> list[Example]:
    folds = args.results.split(args.stain).folds
    chosen = choose_samples(read_fold(folds, args.fold), subsets, settings)
    if not chosen:
        raise InputError(f"{folds}: fold {args.fold} has no sample to show")
    stained = {model: args.results.stained(args.stain, model, args.fold) for model in models}
    return [
        read_example(
            subset, sample, args.results, stained, args.ct_white, settings, masked, normalize
        )
        for subset, sample in chosen.items()
    ]


def _boxplots(args: argparse.Namespace, settings: FiguresSettings) -> Figure:
    path = args.results.evaluation(args.stain).patches.csv
    return draw_boxplots(*read_patches(path, args.stain))
