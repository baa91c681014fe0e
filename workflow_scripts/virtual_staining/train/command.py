"""``train``: one model on one fold."""

import argparse
import logging
import signal
import sys
from dataclasses import replace
from pathlib import Path

from virtual_staining.artefacts.folds import Fold, read_fold
from virtual_staining.artefacts.pair import read_tissue, read_training_pair
from virtual_staining.artefacts.pair_stats import read_reference_levels
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.refined import read_refined, read_refined_slide
from virtual_staining.artefacts.storage.lock import only_one_process
from virtual_staining.artefacts.training_record import (
    TrainingRecord,
    file_checksum,
    write_record,
)
from virtual_staining.errors import InputError
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.models.catalogue import check_model
from virtual_staining.runtime import choose_device, device_name, set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.train import TrainSettings
from virtual_staining.train.identity import describe_run, weight_keys

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
    parser.add_argument(
        "--refined",
        default="",
        help="refined.json of the stain: train on its slides (default: on the slides as they are)",
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
    fold_file = args.results.split(args.stain).fold(args.fold)
    fold = read_fold(fold_file, args.fold)
    out = args.results.trained(args.stain, settings.model, args.fold)
    refined = read_refined(args.refined) if args.refined else {}
    run = describe_run(settings, fold, args.results, refined)
    device = choose_device()
    with only_one_process(out.resume):
        resume = ResumeFolder(out.resume, run, args.threads, device_name(device))
        pairs = read_pairs(args.results, fold, args.refined, settings)
        if not any(pairs[sample].mask.any() for sample in fold.train):
            raise InputError(
                f"{args.results}: the masks of all training samples of {args.stain}, fold "
                f"{args.fold}, are empty; look at 04_mask/{{sample}}/qc.png"
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
        read = [fold_file, *([args.refined] if args.refined else [])]
        record = TrainingRecord(
            settings=weight_keys(settings),
            inputs=run["inputs"],
            decided={Path(file).name: file_checksum(file) for file in read},
            **resume.machines,
        )
        write_record(out, record)


def read_pairs(
    results: Results, fold: Fold, refined: str, settings: TrainSettings
) -> dict[str, TrainingPair]:
    """Read the pairs of a fold; the training pairs with their refined slides, where there are some.

    Validation pairs keep their slides: what chooses weights must not depend on a refinement. Where
    the settings ask for it, the training pairs say what can be learned outside their masks, and
    which grey levels background and bone have.
    """
    pairs = {sample: read_training_pair(results, sample) for sample in fold.train + fold.validation}
    for sample in fold.train if settings.energy_jitter else ():
        levels = read_reference_levels(results.normalized(sample).stats)
        pairs[sample] = replace(pairs[sample], levels=levels)
    for sample in fold.train if settings.outside_weight else ():
        known = read_tissue(results, pairs[sample]) == Tissue.OUTSIDE
        pairs[sample] = replace(pairs[sample], outside=known)
    for sample in set(fold.train) & set(read_refined(refined) if refined else ()):
        pairs[sample] = replace(pairs[sample], slide=read_refined_slide(refined, sample))
    return pairs
