"""The HTML page on which a person looks through the registrations of a study."""

import base64
from collections.abc import Mapping
from pathlib import Path

import cv2
import jinja2
import pandas as pd

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

TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Registration: {{ rows | length }} sections, {{ unsure }} unsure</title>
<style>
body { font: 14px/1.4 sans-serif; margin: 1.5em; color: #222; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2em 0.7em; text-align: right; border-bottom: 1px solid #ddd; }
th:nth-child(-n+2), td:nth-child(-n+2), th:last-child, td:last-child { text-align: left; }
.unsure, .unsure a { color: #b00020; font-weight: bold; }
section { margin-top: 2.5em; border-top: 2px solid #ddd; }
img { max-width: 100%; }
</style>
</head>
<body>
<h1>Registration</h1>
<p>{{ rows | length }} sections, the worst first;
<span{% if unsure %} class="unsure"{% endif %}>{{ unsure }} unsure</span>.</p>
<table>
<thead><tr><th>sample</th><th>volume</th>
{%- for heading, _, meaning in columns %}<th title="{{ meaning }}">{{ heading }}</th>{% endfor -%}
<th>flags</th></tr></thead>
<tbody>
{% for row in rows -%}
<tr{% if row.unsure %} class="unsure"{% endif %}>
<td><a href="#section-{{ loop.index }}">{{ row.sample }}</a></td><td>{{ row.volume }}</td>
{%- for cell in row.cells %}<td>{{ cell }}</td>{% endfor -%}
<td>{{ row.flags }}</td></tr>
{% endfor -%}
</tbody>
</table>
{% for row in rows -%}
<section id="section-{{ loop.index }}">
<h2{% if row.unsure %} class="unsure"{% endif %}>{{ row.sample }}
{%- if row.unsure %}: unsure{% endif %}</h2>
{% if row.flags %}<p class="unsure">{{ row.flags }}</p>{% endif %}
<img alt="section {{ row.sample }} and its plane" src="data:image/jpeg;base64,{{ row.picture }}">
</section>
{% endfor -%}
</body>
</html>
"""


def write_page(path: str | Path, table: pd.DataFrame, pictures: Mapping[str, str | Path]) -> None:
    """Write one HTML page, pictures included, atomically.

    Parameters
    ----------
    path : path
        Ends in ``.html``.
    table : DataFrame
        As :func:`~virtual_staining.register.review.collect` returns; the page keeps its order.
    pictures : mapping
        Sample to the path of its picture (``qc.png``). Pictures are shrunk so far that the page
        stays below 10 MB for up to some hundred samples.

    Raises
    ------
    InputError
        If a picture is missing or cannot be read; the message names it.
    """
    share = PICTURES_BYTES // max(1, len(table))
    rows = [
        {
            "sample": row["sample"],
            "volume": row["volume"],
            "unsure": row["unsure"],
            "flags": row["flags"],
            "cells": [_cell(row[key], form) for key, (_, form, _) in COLUMNS.items()],
            "picture": _embed(pictures[row["sample"]], share),
        }
        for row in table.to_dict("records")
    ]
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text = page.from_string(TEMPLATE).render(
        rows=rows, columns=list(COLUMNS.values()), unsure=int(table["unsure"].sum())
    )
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


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
