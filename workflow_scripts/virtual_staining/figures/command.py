"""``python -m virtual_staining figures``: draw one figure as PNG and SVG."""

import argparse
import logging
from pathlib import Path
from zipfile import BadZipFile

import matplotlib as mpl
import numpy as np

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.patches import read_patches
from virtual_staining.errors import InputError
from virtual_staining.figures.boxplots import draw_boxplots
from virtual_staining.figures.examples import Example, choose_samples, read_example
from virtual_staining.figures.style import RC, save
from virtual_staining.figures.training_patches import draw_patches
from virtual_staining.figures.whole_slides import draw_models, draw_slides
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.figures import FiguresSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``patches``, ``slides``, ``models`` and ``boxplots``."""
    actions = parser.add_subparsers(dest="action", required=True)

    patches = actions.add_parser("patches", help="a model's output on training patches (Fig. 4a)")
    patches.add_argument("--patches", required=True, type=Path, help="training_patches.npz")
    _add_ct_white(patches)
    patches.set_defaults(draw=_patches)

    slides = actions.add_parser("slides", help="real and generated slides of a model (Fig. 5)")
    slides.add_argument("--infer-dir", required=True, type=Path, help="…/{model}/fold-{fold}")
    _add_cohort(slides)
    slides.set_defaults(draw=_slides)

    models = actions.add_parser("models", help="the models side by side (Fig. 6)")
    models.add_argument(
        "--infer-dirs", required=True, nargs="+", type=Path, help="…/{model}/fold-{fold} of each"
    )
    _add_cohort(models)
    models.set_defaults(draw=_models)

    boxplots = actions.add_parser("boxplots", help="distributions of the metrics (Fig. 7)")
    boxplots.add_argument("--patches", required=True, type=Path, help="patches.csv of the stain")
    boxplots.set_defaults(draw=_boxplots)

    for action in (patches, slides, models, boxplots):
        action.add_argument("--settings", required=True, help=FiguresSettings.argument_help())
        action.add_argument("--out", required=True, type=Path, help="PNG; the SVG goes beside it")


def _add_cohort(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folds", required=True, type=Path, help="folds.json")
    parser.add_argument("--fold", required=True, type=int)
    parser.add_argument("--normalize-dir", required=True, type=Path)
    parser.add_argument("--mask-dir", required=True, type=Path)
    _add_ct_white(parser)


def _add_ct_white(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ct-white", type=float, default=50000, help="CT grey level of white")


def run(args: argparse.Namespace) -> None:
    """Draw the figure asked for."""
    settings = read_settings(FiguresSettings, args.settings).part(args.action)
    if args.out.suffix != ".png":
        raise InputError(f"{args.out}: the figure's name must end in .png")
    with mpl.rc_context(RC):
        save(args.draw(args, settings), args.out, settings.dpi)
    log.info("drawn: %s", args.out)


def _patches(args: argparse.Namespace, settings: FiguresSettings):
    try:
        with np.load(args.patches) as file:
            patches = dict(file)
    except (OSError, ValueError, BadZipFile) as error:
        raise InputError(f"{args.patches}: cannot be read as NPZ ({error})") from error
    missing = {"ct", "slide", "mask", "fake_slide"} - set(patches)
    if missing or not len(patches["ct"]):
        raise InputError(f"{args.patches}: lacks {', '.join(sorted(missing)) or 'any patch'}")
    return draw_patches(patches, settings.patches, args.ct_white)


def _slides(args: argparse.Namespace, settings: FiguresSettings):
    model = args.infer_dir.resolve().parent.name
    examples = _examples(args, settings, {model: args.infer_dir}, ("train", "validation", "test"))
    return draw_slides(examples, model, settings.scale_bar_um)


def _models(args: argparse.Namespace, settings: FiguresSettings):
    folders = {folder.resolve().parent.name: folder for folder in args.infer_dirs}
    examples = _examples(args, settings, folders, ("validation", "test"))
    return draw_models(examples, settings.scale_bar_um)


def _examples(
    args: argparse.Namespace,
    settings: FiguresSettings,
    folders: dict[str, Path],
    subsets: tuple[str, ...],
) -> list[Example]:
    chosen = choose_samples(read_fold(args.folds, args.fold), subsets, settings)
    if not chosen:
        raise InputError(f"{args.folds}: fold {args.fold} has no sample to show")
    return [
        read_example(
            subset, sample, folders, args.normalize_dir, args.mask_dir, args.ct_white, settings
        )
        for subset, sample in chosen.items()
    ]


def _boxplots(args: argparse.Namespace, settings: FiguresSettings):
    return draw_boxplots(*read_patches(args.patches))
