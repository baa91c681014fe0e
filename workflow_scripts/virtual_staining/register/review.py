"""``register review``: gather all registrations of a study in one table and one page."""

import argparse
import logging
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_table import (
    COLUMNS,
    read_summary,
    write_registration_table,
)
from virtual_staining.artefacts.sheet import read_sheet
from virtual_staining.errors import InputError
from virtual_staining.register.result.page import write_page

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's arguments."""
    parser.add_argument("--sheet", required=True, help="sample sheet (TSV)")
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )


def run(args: argparse.Namespace) -> None:
    """Write the table and the page, and log a warning for every sample that is unsure."""
    sheet = read_sheet(args.sheet)
    samples = sheet.index[sheet["slide"] != ""]
    table = collect([args.results.registered(sample).transform for sample in samples])
    pictures = {sample: args.results.registered(sample).qc for sample in samples}
    for row in table[table["unsure"]].itertuples():
        log.warning("%s: registration is unsure: %s", row.sample, row.flags)
    write_page(args.results.registration_page, table, pictures)
    write_registration_table(args.results.registration_table, table)


def collect(transforms: list[Path]) -> pd.DataFrame:
    """Gather ``transform.json`` files into one table, the worst registration first.

    Parameters
    ----------
    transforms : list of path

    Returns
    -------
    DataFrame
        One row for each sample: the unsure ones first, then by confidence from low to high. Columns
        ``sample, volume, confidence, mutual_information`` (nats)``, margin, agreeing, searches,
        bone_dice`` (NaN where it was not measured)``, scale_x, scale_y, shear, rotation_deg,
        unsure`` (bool) and ``flags`` (sentences joined by "; ").

    Raises
    ------
    InputError
        If a file is missing, lacks a key, holds a value of the wrong type, or belongs to the same
        sample as another file; the message names file and key.
    """
    rows, source = [], {}
    for path in transforms:
        row = read_summary(path)
        if row["sample"] in source:
            raise InputError(
                f"{path}: sample: {row['sample']!r} is also that of {source[row['sample']]}"
            )
        source[row["sample"]] = path
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = ["unsure", "confidence", "sample"]
    return table.sort_values(
        order, ascending=[False, True, True], na_position="first", ignore_index=True
    )
