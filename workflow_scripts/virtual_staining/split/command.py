"""Command: the folds of one stain from the sample sheet."""

import argparse
import logging

import pandas as pd

from virtual_staining.errors import InputError
from virtual_staining.files import write_json
from virtual_staining.settings import from_json
from virtual_staining.sheet import read_sheet
from virtual_staining.split.folds import make_folds
from virtual_staining.split.settings import Settings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    parser.add_argument("--sheet", required=True, help="sample sheet (TSV)")
    parser.add_argument("--stain", required=True, help="the stain whose samples are divided")
    parser.add_argument("--settings", required=True, help="the `split` block as JSON")
    parser.add_argument("--seed", type=int, required=True, help="seed of the random order")
    parser.add_argument("--out", required=True, help="folds.json to write")


def run(args: argparse.Namespace) -> None:
    """Write ``folds.json``."""
    settings = from_json(Settings, args.settings, "split")
    sheet = read_sheet(args.sheet)
    samples = sheet[(sheet["stain"] == args.stain) & (sheet["slide"] != "")]
    if samples.empty:
        raise InputError(f"{args.sheet}: no sample has a slide with stain {args.stain!r}")
    result = split_stain(samples, settings.folds, args.seed)
    write_json(args.out, {"stain": args.stain, "seed": args.seed, **result})
    for fold in result["folds"]:
        counts = samples.loc[fold["validation"], "material"].value_counts().to_dict()
        log.info("fold %d validates %s", fold["fold"], counts)


def split_stain(samples: pd.DataFrame, n_folds: int, seed: int) -> dict:
    """Divide one stain's samples into folds and the test set, which is kept apart.

    Parameters
    ----------
    samples : DataFrame
        Rows of the sample sheet, indexed by id, columns ``material``, ``group``, ``volume_id`` and
        ``role`` (crossval or test).
    n_folds, seed : int
        As in :func:`~virtual_staining.split.folds.make_folds`.

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
