"""``review.tsv``: what a person decided on the page of registrations, which the next run reads.

The file lies beside the sample sheet, or in the results folder of the synthetic cohort. The columns
are ``sample``, ``decision`` (accept, reject, other_face), ``result`` (which registration was
judged), ``view_direction`` (the direction in which one looks through the slide: volume x,y,z) and
``note``. A decision belongs to one registration: where the section has been registered anew with
another result, an earlier decision counts no more.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from virtual_staining.artefacts.registration_table import DIGEST_LETTERS
from virtual_staining.errors import InputError

NAME = "review.tsv"
NEEDED = ("sample", "decision", "result")
COLUMNS = (*NEEDED, "view_direction", "note")
ACCEPT, REJECT, OTHER_FACE = DECISIONS = ("accept", "reject", "other_face")
REMEDY = "mend the line, or save the file anew from 02_register/qc.html"


@dataclass(frozen=True)
class Review:
    """A person's decision on one section.

    Parameters
    ----------
    decision : str
        One of ``DECISIONS``.
    result : str
        Digest of the registration that was judged, as in ``registration.csv``.
    view_direction : str
        Direction of looking through the slide, volume ``x,y,z``, within 90°; empty: not given.
    note : str
        The person's remark.
    line : int
        Line of the file.
    """

    decision: str
    result: str
    view_direction: str
    note: str
    line: int


def read_reviews(path: str | Path, samples: Collection[str]) -> dict[str, Review]:
    """Read ``review.tsv``.

    Parameters
    ----------
    path : path
        Without such a file nothing is decided.
    samples : collection of str
        Ids of the sections that the sheet names.

    Returns
    -------
    dict
        Sample id to its decision.

    Raises
    ------
    InputError
        For the first row that is no decision on a section; the message names file, line and column.
    """
    if not Path(path).is_file():
        return {}
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a tab-separated table ({error}); {REMEDY}") from error
    missing = [column for column in NEEDED if column not in table]
    unknown = [column for column in table if column not in COLUMNS]
    if missing or unknown or not isinstance(table.index, pd.RangeIndex):
        raise InputError(
            f"{path}: line 1: the columns must be {', '.join(COLUMNS)}, separated by tabs; "
            f"found {', '.join(map(str, table.columns))}; {REMEDY}"
        )
    table = table.reindex(columns=list(COLUMNS), fill_value="")
    reviews: dict[str, Review] = {}
    for line, row in enumerate(table.to_dict("records"), start=2):
        where = f"{path}: line {line} (sample {row['sample']!r})"
        if row["sample"] not in samples:
            raise InputError(f"{where}: sample: the sheet has no such section; {REMEDY}")
        if row["sample"] in reviews:
            first = reviews[row["sample"]].line
            raise InputError(f"{where}: sample: is decided on line {first} already; {REMEDY}")
        reviews[row["sample"]] = _review(row, line, where)
    return reviews


def _review(row: dict[str, str], line: int, where: str) -> Review:
    decision, result, view = row["decision"], row["result"], row["view_direction"].strip()
    if decision not in DECISIONS:
        raise InputError(
            f"{where}: decision: {decision!r} must be one of {', '.join(DECISIONS)}; {REMEDY}"
        )
    if not re.fullmatch(f"[0-9a-f]{{{DIGEST_LETTERS}}}", result):
        raise InputError(
            f"{where}: result: {result!r} must be the section's `result` in "
            f"02_register/registration.csv; {REMEDY}"
        )
    if not view and decision == OTHER_FACE:
        raise InputError(f"{where}: view_direction: other_face needs a direction x,y,z; {REMEDY}")
    if view:
        try:
            parse_direction(view)
        except ValueError as error:
            raise InputError(f"{where}: view_direction: {error}; {REMEDY}") from error
    return Review(decision, result, view, row["note"], line)


def parse_direction(text: str) -> np.ndarray:
    """Read a direction in the volume, ``x,y,z``, as a unit vector (3,).

    Raises
    ------
    ValueError
        If the text is not three numbers, or all are 0.
    """
    try:
        vector = np.array([float(part) for part in text.split(",")])
    except ValueError:
        vector = np.zeros(0)
    if vector.shape != (3,) or not np.isfinite(vector).all() or not vector.any():
        raise ValueError(f"{text!r} must be three numbers x,y,z that are not all 0")
    return vector / np.linalg.norm(vector)


def review_path(sheet: str | Path | None, results: str | Path) -> Path:
    """Return where a study's ``review.tsv`` lies: beside the sheet, else in the results folder."""
    return Path(results if sheet is None else Path(sheet).parent) / NAME
