"""``infer``: every sample of a stain through one trained model, as whole slides (paper 2.9)."""

import argparse
import logging
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.pair import background_levels, load_pair, pair_files
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.runtime import choose_device, set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.infer import InferSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``infer``."""
    parser.add_argument("--generator", type=Path, required=True, help="generator.pt of train")
    parser.add_argument("--folds", type=Path, required=True, help="folds.json of the split")
    parser.add_argument("--fold", type=int, required=True, help="number of the fold, from 1")
    parser.add_argument("--normalize-dir", type=Path, required=True, help="normalized pairs")
    parser.add_argument("--mask-dir", type=Path, required=True, help="correspondence masks")
    parser.add_argument("--settings", required=True, help=InferSettings.argument_help())
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def run(args: argparse.Namespace) -> None:
    """Stain all samples and write the fold's folder in one go.

    Raises
    ------
    InputError
        If an input is missing or does not fit.
    """
    # Imported here: they load torch, which `--help` does not need.
    from virtual_staining.artefacts.generator import Tiling, load_generators
    from virtual_staining.infer.slides import direct_patches, write_sample

    set_up_processor(args.threads)
    settings = read_settings(InferSettings, args.settings)
    tiling = Tiling(settings.patch_px, settings.step_px, settings.batch_patches)
    fold = read_fold(args.folds, args.fold)
    device = choose_device()
    generators = load_generators(args.generator, device)
    generators.check_patch(settings.patch_px)
    with replacing(args.out) as folder:
        folder.mkdir()
        for number, sample in enumerate(fold.samples, start=1):
            pair = load_pair(sample, args.normalize_dir, args.mask_dir)
            files = pair_files(sample, args.normalize_dir, args.mask_dir)
            levels = background_levels(args.normalize_dir / sample / "stats.json")
            pixel_um = pixel_size_um(files["ct"])
            write_sample(generators, pair, tiling, levels, folder / sample, pixel_um)
            log.info("%d/%d %s stained", number, len(fold.samples), sample)
        training = [load_pair(s, args.normalize_dir, args.mask_dir) for s in fold.train]
        patches = direct_patches(generators, training, settings.training_patches)
        np.savez_compressed(folder / "training_patches.npz", **patches)
