"""The HTML page on which a person looks through the registrations of a study."""

import base64
from collections.abc import Mapping
from pathlib import Path

import cv2
import jinja2
import numpy as np
import pandas as pd

from virtual_staining.artefacts.registration_review import OTHER_FACE, Review
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.errors import InputError

PICTURES_BYTES = 9_000_000  # of all pictures as base64 text; the page must fit into an e-mail
WIDTHS_PX = (1600, 1300, 1000, 800, 600, 450, 320)
JPEG_QUALITY = 75

COLUMNS = {  # column: (heading, format, meaning)
    "confidence": ("confidence", "{:.2f}", "how sure the result is, 0 to 1"),
    "mutual_information": ("MI, nats", "{:.3f}", "mutual information of section and CT plane"),
    "margin": ("margin", "{:.3f}", "fraction of MI by which the best other pose stays below"),
    "agreeing": ("agreeing", "{:.0f}", "independent searches that ended at this pose"),
    "searches": ("searches", "{:.0f}", "independent searches made"),
    "bone_dice": ("bone Dice", "{:.2f}", "overlap of bone in CT plane and section, 0 to 1"),
    "scale_x": ("scale x", "{:+.3f}", "stretch of the section along x, fraction"),
    "scale_y": ("scale y", "{:+.3f}", "stretch of the section along y, fraction"),
    "shear": ("shear", "{:+.3f}", "shear of the section, radians"),
    "rotation_deg": ("rotation, °", "{:.1f}", "angle between the section's axes and the volume's"),
}  # fmt: skip

# The value in review.tsv, what the page calls it, and what it does.
CHOICES = [
    ("", "undecided", "decides nothing"),
    ("accept", "accept", "the section is used, however unsure its registration is"),
    ("reject", "reject", "the section is left out"),
    (
        "other_face",
        "other face",
        "the section lies turned over: the next run looks through it from the other side",
    ),
]
TEMPLATE, SCRIPT = (Path(__file__).with_name(f"page.{kind}") for kind in ("html", "js"))


def write_page(
    path: str | Path,
    table: pd.DataFrame,
    pictures: Mapping[str, str | Path],
    views: Mapping[str, np.ndarray],
    reviews: Mapping[str, Review],
    place: str,
) -> None:
    """Write one HTML page, pictures included, on which a person decides; atomically.

    Parameters
    ----------
    path : path
        Ends in ``.html``.
    table : DataFrame
        As :func:`~virtual_staining.register.review.collect` returns; the page keeps its order.
    pictures : mapping
        Sample to the path of its picture (``qc.png``), of each that is registered. Pictures are
        shrunk so far that the page stays below 10 MB for up to some hundred samples.
    views : mapping
        Sample to the normal of its plane, ndarray (3,).
    reviews : mapping
        What was decided earlier: sample to
        :class:`~virtual_staining.artefacts.registration_review.Review`.
    place : str
        Where the next run looks for ``review.tsv``.

    Raises
    ------
    InputError
        If a picture is missing or cannot be read; the message names it.
    """
    share = PICTURES_BYTES // max(1, len(table))
    rows = []
    for row in table.to_dict("records"):
        shown = {"cells": [_cell(row[key], form) for key, (_, form, _) in COLUMNS.items()]}
        if not row["failed"]:
            shown["picture"] = _embed(pictures[row["sample"]], share)
            shown["normal"] = ",".join(f"{number:.4f}" for number in views[row["sample"]])
            shown |= _earlier(row, reviews.get(row["sample"]))
        rows.append({**row, **shown})
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text = page.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        rows=rows,
        columns=list(COLUMNS.values()),
        choices=CHOICES,
        unsure=int((table["unsure"] & (table["failed"] == "")).sum()),
        failed=int((table["failed"] != "").sum()),
        place=place,
        script=SCRIPT.read_text(encoding="utf-8"),
    )
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _earlier(row: dict, review: Review | None) -> dict[str, str]:
    """Return which choice is marked, and the view direction that an earlier one keeps."""
    if review is None:
        return dict.fromkeys(("chosen", "kept_view", "kept_result", "note"), "")
    counts = review.result == row["result"] and review.decision != OTHER_FACE
    return {
        "chosen": review.decision if counts else "",
        "kept_view": review.view_direction,
        "kept_result": review.result,
        "note": review.note,
    }


def _cell(value: float, form: str) -> str:
    return "–" if pd.isna(value) else form.format(value)


def _embed(path: str | Path, limit: int) -> str:
    """Return a picture as base64 JPEG, the widest that fits into ``limit`` characters."""
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; the picture lies beside transform.json")
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path}: cannot be read as a picture")
    for width in WIDTHS_PX:
        factor = min(1.0, width / image.shape[1])
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        code = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        text = base64.b64encode(code.tobytes()).decode("ascii")
        if len(text) <= limit:
            break
    return text
