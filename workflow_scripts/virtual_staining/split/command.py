"""Command: the folds of one stain from the sample sheet."""

import argparse
import logging

import pandas as pd

from virtual_staining.artefacts.folds import Folds, write_folds
from virtual_staining.artefacts.pair import pair_digest, tissue_digest
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_table import read_unsure_samples
from virtual_staining.artefacts.sheet import read_sheet
from virtual_staining.errors import InputError
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.split import SplitSettings
from virtual_staining.split.stratification import make_folds

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    parser.add_argument("--sheet", required=True, help="sample sheet (TSV)")
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )
    parser.add_argument("--stain", required=True, help="the stain whose samples are divided")
    parser.add_argument("--settings", required=True, help=SplitSettings.argument_help())
    parser.add_argument(
        "--unsure",
        required=True,
        choices=["drop", "stop", "keep"],
        help="what becomes of sections whose registration is unsure",
    )
    parser.add_argument("--seed", type=int, required=True, help="seed of the random order")


def run(args: argparse.Namespace) -> None:
    """Write the folds of one stain, and a file of each fold for its training.

    Raises
    ------
    InputError
        If the sheet, the registrations or the settings are wrong, or an image is missing.
    """
    settings = read_settings(SplitSettings, args.settings)
    sheet = read_sheet(args.sheet)
    samples = sheet[(sheet["stain"] == args.stain) & (sheet["slide"] != "")]
    if samples.empty:
        raise InputError(f"{args.sheet}: no sample has a slide with stain {args.stain!r}")
    unsure = set(read_unsure_samples(args.results.registration_table)) & set(samples.index)
    samples, dropped = without_unsure(samples, unsure, args.unsure)
    result = split_stain(samples, settings.folds, args.seed)
    names = sorted(samples.index)
    folds = Folds(
        stain=args.stain,
        seed=args.seed,
        **result,
        images={sample: pair_digest(args.results, sample) for sample in names},
        tissue={sample: tissue_digest(args.results, sample) for sample in names},
        dropped=dropped,
    )
    write_folds(args.results.split(args.stain), folds)
    for fold in folds.folds:
        counts = samples.loc[fold["validation"], "material"].value_counts().to_dict()
        log.info("fold %d validates %s", fold["fold"], counts)


def without_unsure(
    samples: pd.DataFrame, unsure: set[str], policy: str
) -> tuple[pd.DataFrame, list[str]]:
    """Leave out the sections whose registration is unsure, or refuse them.

    Parameters
    ----------
    samples : DataFrame
        Indexed by sample id.
    unsure : set of str
        Ids.
    policy : str
        ``drop``, ``stop`` or ``keep``.

    Returns
    -------
    samples : DataFrame
        Those that stay.
    dropped : list of str
        Ids of the others, sorted.

    Raises
    ------
    InputError
        If there are unsure sections and the policy is ``stop``, or if dropping leaves none.
    """
    names = ", ".join(sorted(unsure))
    advice = (
        "look at 02_register/qc.html; give a pose or landmarks as initial_pose in the sheet, with "
        "register_mode initial_pose; or, where the result is right, its transform.json, with "
        "register_mode fixed"
    )
    if not unsure or policy == "keep":
        return samples, []
    if policy == "stop":
        raise InputError(f"register: unsure: {len(unsure)} section(s) ({names}); {advice}")
    if len(unsure) == len(samples):
        raise InputError(f"register: unsure: all sections are ({names}); {advice}")
    log.warning("left out, their registration is unsure: %s; %s", names, advice)
    return samples.drop(index=list(unsure)), sorted(unsure)


def split_stain(samples: pd.DataFrame, n_folds: int, seed: int) -> dict:
    """Divide one stain's samples into folds and the test set, which is kept apart.

    Parameters
    ----------
    samples : DataFrame
        Rows of the sample sheet, indexed by id, columns ``material``, ``group``, ``volume_id`` and
        ``role`` (crossval or test).
    n_folds, seed : int
        As in :func:`~virtual_staining.split.stratification.make_folds`.

    Returns
    -------
    dict
        ``folds`` (each ``fold`` from 1, ``train`` and ``validation`` ids), ``test`` ids,
        ``material`` and ``group`` by id.

    Raises
    ------
    InputError
        As in ``make_folds``, or if a group has samples in both roles.
    """
    _tell_of_shared_volumes(samples)
    test = samples[samples["role"] == "test"]
    pool = samples[samples["role"] != "test"]
    shared = sorted(set(test["group"]) & set(pool["group"]))
    if shared:
        raise InputError(f"split: group {shared[0]!r} has samples in both roles crossval and test")
    folds = [
        {
            "fold": number,
            "train": sorted(set(pool.index) - set(validation)),
            "validation": validation,
        }
        for number, validation in enumerate(make_folds(pool, n_folds, seed), start=1)
    ]
    samples = samples.sort_index()
    return {
        "folds": folds,
        "test": sorted(test.index),
        "material": samples["material"].to_dict(),
        "group": samples["group"].to_dict(),
    }


def _tell_of_shared_volumes(samples: pd.DataFrame) -> None:
    """Say aloud where the sheet's groups divide one volume among training and validation."""
    for volume_id, rows in samples.groupby("volume_id"):
        groups = rows["group"].nunique()
        if groups > 1:
            log.warning(
                "volume %s: its %d sections stand in %d groups that the sheet names, so one volume "
                "may serve training and validation; this is right only where the sections are "
                "independent of each other",
                volume_id,
                len(rows),
                groups,
            )
