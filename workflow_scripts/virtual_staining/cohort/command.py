"""Command line of the cohort stage."""

import argparse
from pathlib import Path

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.cohort.sample import make_sample
from virtual_staining.cohort.sample_list import sample_specs, sample_table
from virtual_staining.errors import InputError
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.cohort import CohortSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions ``sheet`` and ``sample``."""
    actions = parser.add_subparsers(dest="action", required=True)
    sheet = actions.add_parser(
        "sheet",
        help="write the sample sheet",
        description="Write the sample sheet of the synthetic cohort: one row per sample, with the "
        "paths of the raw files that `sample` writes.",
    )
    sheet.add_argument("--out", required=True, type=Path, help="sheet to write (TSV)")
    sample = actions.add_parser(
        "sample",
        help="write one sample's raw files and truth",
        description="Write the raw tomogram, the slide, the annotations and the rough pose of one "
        "sample of the synthetic cohort, and the true pose as truth.json, which no stage "
        "reads.",
    )
    sample.add_argument("--sample", required=True, help="id of the sample, as in the sheet")
    sample.add_argument("--out", required=True, type=Path, help="folder to write")
    for action in (sheet, sample):
        action.add_argument("--settings", required=True, help=CohortSettings.argument_help())
        action.add_argument("--seed", required=True, type=int, help="seed of the cohort")


def run(args: argparse.Namespace) -> None:
    """Write the sheet or one sample.

    Raises
    ------
    InputError
        If the settings are wrong or the sample is not in the sheet.
    """
    settings = read_settings(CohortSettings, args.settings)
    if args.action == "sheet":
        with replacing(args.out) as partial:
            sample_table(settings, args.seed).to_csv(partial, sep="\t", index=False)
        return
    specs = {spec.sample: spec for spec in sample_specs(settings, args.seed)}
    if args.sample not in specs:
        known = ", ".join(specs)
        raise InputError(f"--sample: {args.sample!r} is not in the cohort; it holds {known}")
    make_sample(specs[args.sample], settings, args.out)
