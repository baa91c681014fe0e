"""``train``: one model on one fold."""

import argparse
import logging
import signal
import sys

from virtual_staining.artefacts.folds import Fold, read_fold
from virtual_staining.artefacts.pair import pair_files, read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.errors import InputError
from virtual_staining.models.catalogue import check_model
from virtual_staining.runtime import choose_device, set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.train import TrainSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``train``."""
    parser.add_argument(
        "--results", type=Results, required=True, help="results folder of the study"
    )
    parser.add_argument("--stain", required=True, help="stain whose slides the model learns")
    parser.add_argument(
        "--settings", required=True, help=f"{TrainSettings.argument_help()}; also model and seed"
    )
    parser.add_argument("--fold", type=int, required=True, help="number of the fold, from 1")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")


def run(args: argparse.Namespace) -> None:
    """Train, or continue; on SIGTERM or SIGINT write a checkpoint and exit with 128 + signal.

    Raises
    ------
    InputError
        If settings or images are wrong, training diverges, or the disk is full.
    """
    # Imported here: they load torch, which `--help` does not need.
    from virtual_staining.train.checkpoint import ResumeFolder
    from virtual_staining.train.loop import Interrupted, train

    set_up_processor(args.threads)
    settings = read_settings(TrainSettings, args.settings)
    check_model(settings)
    fold = read_fold(args.results.split(args.stain).fold(args.fold), args.fold)
    out = args.results.trained(args.stain, settings.model, args.fold)
    resume = ResumeFolder(out.resume, describe_run(settings, fold, args.results))
    device = choose_device()
    pairs = {
        sample: read_training_pair(args.results, sample) for sample in fold.train + fold.validation
    }
    if not any(pairs[sample].mask.any() for sample in fold.train):
        raise InputError(
            f"{args.results}: the masks of all training samples of {args.stain}, fold {args.fold}, "
            "are empty; look at 04_mask/{sample}/qc.png"
        )
    log.info(
        "%s, fold %d: %d training and %d validation pairs, on %s",
        settings.model,
        args.fold,
        len(fold.train),
        len(fold.validation),
        device,
    )
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: received.append(number))
    try:
        train(
            settings,
            [pairs[sample] for sample in fold.train],
            [pairs[sample] for sample in fold.validation],
            resume,
            out,
            device,
            stop_requested=lambda: bool(received),
        )
    except Interrupted as stopped:
        log.warning("%s; start again to continue", stopped)
        sys.exit(128 + received[0])


def describe_run(settings: TrainSettings, fold: Fold, results: Results) -> dict:
    """Return what a resume folder must match: settings, the fold, and the images' checksums."""
    from virtual_staining.train.checkpoint import file_checksum

    inputs: dict = {"fold": [list(fold.train), list(fold.validation)]}
    for sample in fold.train + fold.validation:
        for kind, path in pair_files(results, sample).items():
            inputs[f"{sample}/{kind}"] = file_checksum(path)
    return {"settings": settings.model_dump(), "inputs": inputs}
