"""``register review``: gather all registrations of a study in one table and one page."""

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_place import read_section_map
from virtual_staining.artefacts.registration_review import (
    ACCEPT,
    OTHER_FACE,
    REJECT,
    Review,
    read_reviews,
)
from virtual_staining.artefacts.registration_table import (
    ACCEPTED,
    COLUMNS,
    REJECTED,
    read_summary,
    write_registration_table,
)
from virtual_staining.artefacts.sheet import read_sheet
from virtual_staining.errors import InputError
from virtual_staining.register.result.page import write_page

log = logging.getLogger(__name__)

STALE = "review.tsv judges another registration of this section; look at this one and judge anew"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's arguments."""
    parser.add_argument("--sheet", required=True, help="sample sheet (TSV)")
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )
    parser.add_argument(
        "--review", type=Path, help="decisions of a person (review.tsv); the file may be missing"
    )


def run(args: argparse.Namespace) -> None:
    """Write the table and the page, and log a warning for every sample that is unsure."""
    sheet = read_sheet(args.sheet)
    samples = sheet.index[sheet["slide"] != ""]
    reviews = read_reviews(args.review, samples) if args.review else {}
    transforms = {sample: args.results.registered(sample).transform for sample in samples}
    table = collect(list(transforms.values()), reviews)
    registered = table["sample"][table["failed"] == ""]
    pictures = {sample: args.results.registered(sample).qc for sample in registered}
    views = {sample: read_section_map(transforms[sample])[0].normal for sample in registered}
    for row in table[table["unsure"]].itertuples():
        said = f"failed: {row.failed}" if row.failed else f"is unsure: {row.flags}"
        log.warning("%s: registration %s", row.sample, said)
    place = str(args.review or "review.tsv beside the sample sheet")
    write_page(args.results.registration_page, table, pictures, views, reviews, place)
    write_registration_table(args.results.registration_table, table)


def collect(transforms: list[Path], reviews: Mapping[str, Review] | None = None) -> pd.DataFrame:
    """Gather ``transform.json`` files into one table, the worst registration first.

    Parameters
    ----------
    transforms : list of path
    reviews : mapping, optional
        A person's decisions: sample to :class:`Review`.

    Returns
    -------
    DataFrame
        One row for each sample: the failed and unsure ones first, then by confidence from low to
        high. Columns ``sample, volume, confidence, mutual_information`` (nats)``, margin, agreeing,
        searches, bone_dice`` (NaN where it was not measured)``, scale_x, scale_y, shear,
        rotation_deg, unsure`` (bool)``, flags`` (sentences joined by "; ")``, review`` (accepted,
        rejected or empty)``, failed`` (why there is no registration) and ``result`` (digest).

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
        rows.append(judged(row, (reviews or {}).get(str(row["sample"]))))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    order = ["unsure", "confidence", "sample"]
    return table.sort_values(
        order, ascending=[False, True, True], na_position="first", ignore_index=True
    )


def judged(row: dict[str, object], review: Review | None) -> dict[str, object]:
    """Return a section's row with a person's decision in it.

    An accepted section is no longer unsure. A decision on another registration of the section
    decides nothing; where it was a rejection, the section stays unsure until it is judged anew.
    """
    if review is None or review.decision == OTHER_FACE:
        return row
    if row["failed"] or review.result != row["result"]:
        flags = "; ".join(filter(None, [str(row["flags"]), STALE]))
        return row | {"flags": flags, "unsure": row["unsure"] or review.decision == REJECT}
    if review.decision == ACCEPT:
        return row | {"review": ACCEPTED, "unsure": False}
    return row | {"review": REJECTED}
