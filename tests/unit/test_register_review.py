"""The study's table and page of registrations: order, escaping, size, refusals."""

import argparse
import base64
import json
import logging
import re

import cv2
import numpy as np
import pandas as pd
import pytest

from virtual_staining.artefacts.paths import Results
from virtual_staining.errors import InputError
from virtual_staining.register import review
from virtual_staining.register.result.page import write_page

SOUND = {
    "volume": "V-1", "confidence": 0.9, "mutual_information": 0.41, "margin": 0.3, "agreeing": 2,
    "searches": 2, "bone_dice": 0.8, "scale_x": 0.01, "scale_y": -0.02, "shear": 0.003,
    "rotation_deg": 12.5, "unsure": False, "flags": [], "pair_shape_px": [5, 6],
    "slide_to_volume": {"origin_um": [1, 2, 3], "u": [1, 0, 0], "v": [0, 0, 1]},
    "slide_px_to_um": [[1, 0, 0], [0, 1, 0]],
}  # fmt: skip


def put(folder, sample, picture_px=(60, 90), seed=0, **changes):
    """Write one sample's transform.json and a picture of noise beside it."""
    place = Results(folder).registered(sample).path
    while place.exists():
        place = place.with_name(f"{place.name}-again")
    place.mkdir(parents=True)
    path = place / "transform.json"
    path.write_text(json.dumps({"sample": sample} | SOUND | changes))
    noise = np.random.default_rng(seed).integers(0, 255, (*picture_px, 3), np.uint8)
    cv2.imwrite(str(place / "qc.png"), noise)
    return path


def call(folder, transforms):
    rows = [
        {
            "sample": path.parent.name,
            "volume": "v.tif",
            "slide": "s.tif",
            "stain": "tb",
            "material": "Mg",
            "role": "crossval",
        }
        for path in transforms
    ]
    rows.append({"sample": "bare", "volume": "w.tif"})  # a volume without a section
    pd.DataFrame(rows).to_csv(folder / "samples.tsv", sep="\t", index=False)
    parser = argparse.ArgumentParser()
    review.add_arguments(parser)
    line = ["--sheet", str(folder / "samples.tsv"), "--results", str(folder)]
    review.run(parser.parse_args(line))
    table, page = Results(folder).registration_table, Results(folder).registration_page
    return pd.read_csv(table), page.read_text(encoding="utf-8")


def test_worst_first(tmp_path, caplog):
    transforms = [
        put(tmp_path, "good", confidence=0.9),
        put(tmp_path, "doubtful", confidence=0.8, unsure=True, flags=["no bone", "no tissue"]),
        put(tmp_path, "fair", confidence=0.5),
        put(tmp_path, "worst", confidence=0.7, unsure=True, bone_dice=None),
    ]
    with caplog.at_level(logging.WARNING):
        table, page = call(tmp_path, transforms)
    names = ["worst", "doubtful", "fair", "good"]
    assert table["sample"].tolist() == names
    assert list(table) == [
        "sample",
        "volume",
        "confidence",
        "mutual_information",
        "margin",
        "agreeing",
        "searches",
        "bone_dice",
        "scale_x",
        "scale_y",
        "shear",
        "rotation_deg",
        "unsure",
        "flags",
        "review",
        "failed",
        "result",
    ]
    assert table["flags"][1] == "no bone; no tissue"
    assert np.isnan(table["bone_dice"][0])
    assert table.loc[2, ["rotation_deg", "agreeing", "unsure"]].tolist() == [12.5, 2, False]
    assert re.findall(r"<td><a href=\"#section-(\d)\">(\w+)</a>", page) == [
        (str(n + 1), name) for n, name in enumerate(names)
    ]
    assert re.findall(r'<section id="section-(\d)">\s*<h2.*>(\w+)', page) == [
        (str(n + 1), name) for n, name in enumerate(names)
    ]
    assert page.count('<tr class="unsure">') == 2
    assert [record.message.split(":")[0] for record in caplog.records] == ["worst", "doubtful"]


def test_page_shows_each_samples_own_picture(tmp_path):
    shades = {"a": 30, "b": 120, "c": 220}
    transforms = [put(tmp_path, name, confidence=value / 255) for name, value in shades.items()]
    for path, value in zip(transforms, shades.values(), strict=True):
        cv2.imwrite(str(path.parent / "qc.png"), np.full((300, 2000, 3), value, np.uint8))
    _, page = call(tmp_path, transforms)
    codes = re.findall(r'alt="section (\w) .*?base64,([^"]+)"', page)
    images = {
        name: cv2.imdecode(np.frombuffer(base64.b64decode(code), np.uint8), cv2.IMREAD_COLOR)
        for name, code in codes
    }
    assert {name: round(image.mean() / 10) * 10 for name, image in images.items()} == shades
    assert {image.shape for image in images.values()} == {(240, 1600, 3)}


def test_names_and_flags_are_text_and_nothing_is_loaded(tmp_path):
    path = put(tmp_path, "S-1", volume="a&b", unsure=True, flags=['<img src="http://x">'])
    table = review.collect([path])
    table["sample"] = nasty = '<script>alert("x")</script>'
    pictures, views = {nasty: path.parent / "qc.png"}, {nasty: np.array([0.0, 0.0, 1.0])}
    write_page(tmp_path / "out.html", table, pictures, views, {}, "review.tsv")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.count("<script") == 1 and "alert" not in page.split("<script>")[1]
    assert "&lt;script&gt;" in page
    assert "a&amp;b" in page
    assert re.findall(r'(?:src|href)="([^"]{5})', page) == ["#sect", "data:"]


def test_a_large_cohort_fits_into_a_mail(tmp_path):
    path = put(tmp_path, "S-0", picture_px=(1000, 1600))  # noise: the worst to compress
    table = pd.concat([review.collect([path])] * 53, ignore_index=True)
    table["sample"] = [f"S-{n}" for n in range(53)]
    pictures = dict.fromkeys(table["sample"], path.parent / "qc.png")
    views = dict.fromkeys(table["sample"], np.array([0.0, 0.0, 1.0]))
    write_page(tmp_path / "page.html", table, pictures, views, {}, "review.tsv")
    size = (tmp_path / "page.html").stat().st_size
    assert 1_000_000 < size < 10_000_000


@pytest.mark.parametrize("key", ["volume", "confidence", "agreeing", "bone_dice", "unsure"])
def test_missing_keys_are_named(tmp_path, key):
    path = put(tmp_path, "S-1")
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != key}))
    with pytest.raises(InputError, match=f"transform.json: {key}: is missing"):
        review.collect([path])


@pytest.mark.parametrize(
    ("key", "value"),
    [("margin", "0.3"), ("searches", True), ("unsure", 1), ("flags", "none"), ("margin", None)],
)
def test_wrong_values_are_named(tmp_path, key, value):
    with pytest.raises(InputError, match=f"transform.json: {key}: .* must be"):
        review.collect([put(tmp_path, "S-1", **{key: value})])


def test_two_of_one_name_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"S-1-again.*'S-1' is also that of .*S-1"):
        review.collect([put(tmp_path, "S-1"), put(tmp_path, "S-1")])


@pytest.mark.parametrize(("content", "word"), [(None, "no such file"), (b"x", "cannot be read")])
def test_bad_pictures_are_refused_and_nothing_is_written(tmp_path, content, word):
    path = put(tmp_path, "S-1")
    picture = path.parent / "qc.png"
    picture.unlink() if content is None else picture.write_bytes(content)
    with pytest.raises(InputError, match=f"qc.png: {word}"):
        call(tmp_path, [path])
    assert not Results(tmp_path).registration_table.exists()
    assert not Results(tmp_path).registration_page.exists()


def test_missing_transform_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.json: no such file"):
        review.collect([tmp_path / "none.json"])
