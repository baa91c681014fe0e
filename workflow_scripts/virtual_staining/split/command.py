"""``split``: divide the samples of one stain into folds for cross-validation (paper 2.4)."""

import argparse
import logging

import pandas as pd

from virtual_staining.artefacts.folds import Folds, write_folds
from virtual_staining.artefacts.pair import pair_digest, tissue_digest
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_table import Doubts, read_doubts
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
    parser.add_argument("--stain", required=True, help="stain whose samples are divided")
    parser.add_argument("--settings", required=True, help=SplitSettings.argument_help())
    parser.add_argument(
        "--unsure",
        required=True,
        choices=["drop", "stop", "keep"],
        help="leave out sections whose registration is unsure, stop because of them, or keep them",
    )
    parser.add_argument(
        "--failed",
        choices=["stop", "drop"],
        default="stop",
        help="stop because of sections that could not be registered (default), or leave them out",
    )
    parser.add_argument("--seed", type=int, required=True, help="seed of the random order")


def run(args: argparse.Namespace) -> None:
    """Write the folds of one stain and, for each training, a file of its fold.

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
    doubts = read_doubts(args.results.registration_table)
    samples, dropped = without_doubtful(samples, doubts, args.unsure, args.failed)
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


def without_doubtful(
    samples: pd.DataFrame, doubts: Doubts, unsure: str, failed: str
) -> tuple[pd.DataFrame, list[str]]:
    """Leave out the sections that failed, that a person rejected, and the unsure ones.

    Parameters
    ----------
    samples : DataFrame
        Indexed by sample id.
    doubts : Doubts
        Sections of all stains.
    unsure, failed : str
        The study's policies: ``stop`` refuses such sections, ``drop`` leaves them out, ``keep``
        uses unsure ones.

    Returns
    -------
    samples : DataFrame
        The samples to divide.
    dropped : list of str
        Ids of the samples that are left out, sorted.

    Raises
    ------
    InputError
        If there are sections that the policy refuses, or if no section would be left.
    """
    gone = [sample for sample in doubts.failed if sample in samples.index]
    if gone and failed == "stop":
        raise InputError(
            f"register.failed: {len(gone)} section(s) could not be registered "
            f"({', '.join(gone)}); 02_register/qc.html says why; mend them, or set "
            "register.failed to drop"
        )
    rejected = [sample for sample in doubts.rejected if sample in samples.index]
    for names, why in ((gone, "could not be registered"), (rejected, "rejected in review.tsv")):
        if names:
            log.warning("left out: %s: %s", why, ", ".join(sorted(names)))
    dropped = [*gone, *rejected]
    if len(dropped) == len(samples):
        raise InputError(
            f"no section is left: {', '.join(sorted(dropped))} failed or are rejected in "
            "review.tsv; look at 02_register/qc.html"
        )
    kept = samples.drop(index=dropped)
    kept, unsure_dropped = without_unsure(kept, set(doubts.unsure) & set(kept.index), unsure)
    return kept, sorted([*dropped, *unsure_dropped])


def without_unsure(
    samples: pd.DataFrame, unsure: set[str], policy: str
) -> tuple[pd.DataFrame, list[str]]:
    """Apply the study's policy to the sections whose registration is unsure.

    Parameters
    ----------
    samples : DataFrame
        Indexed by sample id.
    unsure : set of str
        Ids of the samples whose registration is unsure.
    policy : str
        ``drop`` leaves them out, ``stop`` refuses them, ``keep`` uses them.

    Returns
    -------
    samples : DataFrame
        The samples to divide.
    dropped : list of str
        Ids of the samples that are left out, sorted.

    Raises
    ------
    InputError
        If there are unsure sections and the policy is ``stop``, or if no section would be left.
    """
    names = ", ".join(sorted(unsure))
    advice = (
        "look at 02_register/qc.html; where a result is right, accept it there; where it is wrong, "
        "name a pose or landmarks in the sheet's column initial_pose, with register_mode "
        "initial_pose"
    )
    if not unsure or policy == "keep":
        return samples, []
    if policy == "stop":
        raise InputError(
            f"register.unsure: the registration of {len(unsure)} section(s) is unsure ({names}); "
            f"{advice}"
        )
    if len(unsure) == len(samples):
        raise InputError(
            f"register.unsure: the registration of all sections is unsure ({names}); {advice}"
        )
    log.warning("left out because their registration is unsure: %s; %s", names, advice)
    return samples.drop(index=list(unsure)), sorted(unsure)


def split_stain(samples: pd.DataFrame, n_folds: int, seed: int) -> dict:
    """Divide one stain's cross-validation samples into folds, and list its test samples.

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
    _warn_of_shared_volumes(samples)
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


def _warn_of_shared_volumes(samples: pd.DataFrame) -> None:
    """Log a warning for each volume whose sections the sheet divides into several groups."""
    for volume_id, rows in samples.groupby("volume_id"):
        groups = rows["group"].nunique()
        if groups > 1:
            log.warning(
                "volume %s: the sheet divides its %d sections into %d groups, so that the volume "
                "may occur in training and in validation; this is right only if the sections are "
                "independent of each other",
                volume_id,
                len(rows),
                groups,
            )
