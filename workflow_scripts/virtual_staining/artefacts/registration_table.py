"""What `register review` leaves for `split`: registration.csv, one row a registered section."""

import math
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.registration import FORMAT, REMEDY
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.document import read_document
from virtual_staining.errors import InputError

TEXTS = ("sample", "volume")
NUMBERS = (
    "confidence", "mutual_information", "margin", "agreeing", "searches", "bone_dice",
    "scale_x", "scale_y", "shear", "rotation_deg",
)  # fmt: skip
COLUMNS = (*TEXTS, *NUMBERS, "unsure", "flags")


def read_summary(path: str | Path) -> dict[str, object]:
    """Read how reliable a registration is from its ``transform.json``.

    Returns
    -------
    dict
        One row of ``registration.csv``: the keys are ``COLUMNS``; an undefined
        ``bone_dice`` is NaN, the flags are joined by "; ".

    Raises
    ------
    InputError
        If the file is missing, or a key is missing or of another type; the message names both.
    """
    document = read_document(path, FORMAT, REMEDY)
    row = {key: document.value(key, str, "text") for key in TEXTS}
    for key in NUMBERS:
        if key == "bone_dice" and document.values.get(key, 0) is None:
            row[key] = math.nan
            continue
        row[key] = document.value(key, (int, float), "a number")
    row["unsure"] = document.value("unsure", bool, "true or false")
    flags = document.value("flags", list, "a list of sentences")
    return row | {"flags": "; ".join(map(str, flags))}


def write_registration_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write ``registration.csv``, one row a sample, columns ``COLUMNS``, atomically."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False)


def read_unsure_samples(path: str | Path) -> list[str]:
    """Return the ids of the samples that ``registration.csv`` calls unsure.

    Raises
    ------
    InputError
        If the file is missing or is not such a table.
    """
    try:
        table = pd.read_csv(path, dtype={"sample": str})
        return list(table["sample"][table["unsure"].astype(bool)])
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a table of registrations ({error})") from error
