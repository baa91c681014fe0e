"""``infer``: stain the whole slides of all samples with one trained model (paper 2.9)."""

import argparse
import logging

from virtual_staining.artefacts.folders import StainedFolder
from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.pair_stats import read_background_levels
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import write_stained_slide, write_training_patches
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.runtime import choose_device, set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.infer import InferSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``infer``."""
    parser.add_argument(
        "--results", type=Results, required=True, help="results folder of the study"
    )
    parser.add_argument("--stain", required=True, help="stain of the slides")
    parser.add_argument("--model", required=True, help="model that stains the slides")
    parser.add_argument("--fold", type=int, required=True, help="number of the fold, from 1")
    parser.add_argument("--settings", required=True, help=InferSettings.argument_help())
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")


def run(args: argparse.Namespace) -> None:
    """Stain all samples of a fold; the fold's folder appears when it is complete.

    Raises
    ------
    InputError
        If an input is missing or does not fit.
    """
    # Imported here: they load torch, which `--help` does not need.
    from virtual_staining.artefacts.generator import load_generators
    from virtual_staining.infer.slides import direct_patches, stain_pair

    set_up_processor(args.threads)
    settings = read_settings(InferSettings, args.settings)
    fold = read_fold(args.results.split(args.stain).folds, args.fold)
    device = choose_device()
    trained = args.results.trained(args.stain, args.model, args.fold)
    generators = load_generators(trained.generator, device)
    generators.check_tiling(settings)
    with replacing(args.results.stained(args.stain, args.model, args.fold).path) as temporary:
        temporary.mkdir()
        folder = StainedFolder(temporary)
        for number, sample in enumerate(fold.samples, start=1):
            pair = read_training_pair(args.results, sample)
            normalized = args.results.normalized(sample)
            background = read_background_levels(normalized.stats)
            pixel_um = pixel_size_um(normalized.ct)
            stained = stain_pair(generators, pair, settings)
            write_stained_slide(folder.sample(sample), stained, pair.mask, background, pixel_um)
            log.info("%d/%d %s stained", number, len(fold.samples), sample)
        training = [read_training_pair(args.results, sample) for sample in fold.train]
        patches = direct_patches(generators, training, settings.training_patches)
        write_training_patches(folder.training_patches, patches)
