"""What `register review` leaves for `split`: registration.csv, one row a section."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.registration_failed import FAILED
from virtual_staining.artefacts.registration_place import FORMAT, REMEDY
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.document import Document, read_document
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap

TEXTS = ("sample", "volume")
NUMBERS = (
    "confidence", "mutual_information", "margin", "agreeing", "searches", "bone_dice",
    "scale_x", "scale_y", "shear", "rotation_deg",
)  # fmt: skip
# What a person decided (accepted, rejected), why the registration failed, and a digest that tells
# one registration of the section from another.
REVIEWED = ("review", "failed", "result")
ACCEPTED, REJECTED = "accepted", "rejected"
COLUMNS = (*TEXTS, *NUMBERS, "unsure", "flags", *REVIEWED)
DIGEST_LETTERS = 10


@dataclass(frozen=True)
class Doubts:
    """The sections that not everyone would use: ids of samples.

    Parameters
    ----------
    unsure : tuple of str
        Their confidence is low, and nobody has accepted them.
    rejected : tuple of str
        A person has rejected them (``review.tsv``).
    failed : tuple of str
        They could not be registered (``register.failed``).
    """

    unsure: tuple[str, ...]
    rejected: tuple[str, ...]
    failed: tuple[str, ...]


def read_summary(path: str | Path) -> dict[str, object]:
    """Read how reliable a registration is from its ``transform.json``.

    Returns
    -------
    dict
        One row of ``registration.csv``: the keys are ``COLUMNS``; an undefined
        ``bone_dice`` is NaN, the flags are joined by "; ", ``review`` is empty. Of a registration
        that failed all numbers are NaN.

    Raises
    ------
    InputError
        If the file is missing, or a key is missing or of another type; the message names both.
    """
    document = read_document(path, FORMAT, REMEDY)
    row = {key: document.value(key, str, "text") for key in TEXTS}
    if FAILED in document.values:
        failed = document.value(FAILED, str, "text")
        row |= dict.fromkeys(NUMBERS, math.nan)
        return row | {"unsure": True, "flags": "", "review": "", "failed": failed, "result": ""}
    for key in NUMBERS:
        if key == "bone_dice" and document.values.get(key, 0) is None:
            row[key] = math.nan
            continue
        row[key] = document.value(key, (int, float), "a number")
    row["unsure"] = document.value("unsure", bool, "true or false")
    flags = "; ".join(map(str, document.value("flags", list, "a list of sentences")))
    return row | {"flags": flags, "review": "", "failed": "", "result": _digest(document)}


def _digest(document: Document) -> str:
    """Return letters that differ between two registrations of a section (to 1 nm and 1 µrad)."""
    place = document.value("slide_to_volume", dict, "an object with origin_um, u and v")
    section = SectionMap.from_dict(place, f"{document.path}: slide_to_volume")
    rounded = [
        (section.origin_um.round(3) + 0.0).tolist(),
        *((axis.round(6) + 0.0).tolist() for axis in (section.u, section.v)),
    ]
    text = json.dumps(rounded)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LETTERS]


def write_registration_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write ``registration.csv``, one row a sample, columns ``COLUMNS``, atomically."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)


def read_doubts(path: str | Path) -> Doubts:
    """Return the sections that ``registration.csv`` calls unsure, rejected or failed.

    Raises
    ------
    InputError
        If the file is missing or is not such a table.
    """
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(("sample", *REVIEWED), str))
        unsure, said = table["unsure"].astype(bool), table.reindex(columns=list(REVIEWED))
        failed, rejected = said["failed"].notna(), said["review"] == REJECTED
        unsure &= ~failed & ~rejected
        return Doubts(*(tuple(table["sample"][which]) for which in (unsure, rejected, failed)))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a table of registrations ({error})") from error


def left_out(path: str | Path, samples: set[str]) -> Iterator[str]:
    """Yield a sentence for each section that the last run left out for good.

    Parameters
    ----------
    path : path
        ``registration.csv``; nothing is yielded if there is none yet.
    samples : set of str
        Ids of the sections that the sheet names.
    """
    if not Path(path).is_file():
        return
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for row in table.reindex(columns=["sample", *REVIEWED], fill_value="").to_dict("records"):
        if row["sample"] in samples and row["failed"]:
            yield f"section {row['sample']}: left out, as its registration failed: {row['failed']}"
        elif row["sample"] in samples and row["review"] == REJECTED:
            yield f"section {row['sample']}: left out, as review.tsv rejects it"
