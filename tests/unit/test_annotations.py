"""QuPath polygons: reading, carrying to the pair's grid, and refusals."""

import json

import numpy as np
import pytest

from virtual_staining.errors import InputError
from virtual_staining.imaging.polygons import rasterize, slide_px_to_pair_px
from virtual_staining.readers.annotations import class_masks, read_annotations

CLASSES = ("Bone", "Background", "Exclude")
IDENTITY = np.array([[1.0, 0, 0], [0, 1.0, 0]])  # slide pixels are the pair's


def ring(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]


def feature(name, coordinates, kind="Polygon"):
    return {
        "type": "Feature",
        "geometry": {"type": kind, "coordinates": coordinates},
        "properties": {"objectType": "annotation", "classification": {"name": name}},
    }


def write(path, features, collection=True):
    content = {"type": "FeatureCollection", "features": features} if collection else features
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("collection", [True, False])
def test_reads_both_layouts_and_rasterizes_exact_pixels(tmp_path, collection):
    path = write(tmp_path / "a.geojson", [feature("Bone", [ring(2, 1, 6, 4)])], collection)
    masks = class_masks(path, CLASSES, IDENTITY, (8, 10))
    expected = np.zeros((8, 10), bool)
    expected[1:4, 2:6] = True
    assert (masks["Bone"] == expected).all()
    assert not masks["Background"].any() and not masks["Exclude"].any()


def test_holes_and_multipolygons(tmp_path):
    donut = [ring(0, 0, 6, 6), ring(2, 2, 4, 4)]
    features = [feature("Exclude", [donut, [ring(7, 0, 9, 2)]], "MultiPolygon")]
    drawn = read_annotations(write(tmp_path / "a.geojson", features), CLASSES)
    inside = rasterize(drawn["Exclude"], IDENTITY, (8, 10))
    assert inside.sum() == 36 - 4 + 4
    assert not inside[2:4, 2:4].any() and inside[0:2, 7:9].all()


def test_polygons_land_on_the_tissue_they_were_drawn_on(tmp_path):
    """A disc drawn in 0.5 µm pixels of a rotated, scaled, cropped slide is found at its place."""
    angle = np.deg2rad(30)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = matrix @ np.array([[1.02, 0.01], [0, 0.98]])
    pair_to_slide = np.column_stack([matrix, [900.0, 250.0]])
    to_pair_px = slide_px_to_pair_px(np.array([[0.5, 0, 0], [0, 0.5, 0]]), pair_to_slide, 5.0)
    center_um, radius_um = np.array([300.0, 200.0]), 80.0
    turn = np.linspace(0, 2 * np.pi, 200)
    on_pair = center_um + radius_um * np.column_stack([np.cos(turn), np.sin(turn)])
    on_slide = on_pair @ pair_to_slide[:, :2].T + pair_to_slide[:, 2]
    features = [feature("Bone", [(on_slide / 0.5).tolist()])]
    path = write(tmp_path / "a.geojson", features)
    found = class_masks(path, CLASSES, to_pair_px, (100, 120))["Bone"]
    y, x = np.mgrid[:100, :120]
    truth = np.hypot((x + 0.5) * 5 - 300, (y + 0.5) * 5 - 200) < radius_um
    assert (found != truth).sum() <= 4  # a 200-gon is not quite a circle


def test_partly_outside_is_clipped_and_one_outside_class_warns(tmp_path, caplog):
    features = [feature("Bone", [ring(-5, -5, 3, 2)]), feature("Exclude", [ring(50, 50, 60, 60)])]
    masks = class_masks(write(tmp_path / "a.geojson", features), CLASSES, IDENTITY, (8, 10))
    assert masks["Bone"].sum() == 6
    assert not masks["Exclude"].any()
    assert "no Exclude polygon reaches the registered pair" in caplog.text


def test_self_crossing_outline_is_repaired(tmp_path):
    bow_tie = [[[0, 0], [8, 8], [8, 0], [0, 8], [0, 0]]]
    drawn = read_annotations(write(tmp_path / "a.json", [feature("Bone", bow_tie)]), CLASSES)
    assert drawn["Bone"][0].area == pytest.approx(32)


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ([feature("Bne", [ring(0, 0, 2, 2)])], "feature 1: unknown class 'Bne'.*Bone, Background"),
        ([{"type": "Feature", "geometry": {}, "properties": {}}], "feature 1: has no classif"),
        ([feature("Bone", [0, 0], "Point")], "geometry is 'Point'"),
        ([feature("Bone", [[[0, 0], [1, 1]]])], "damaged coordinates"),
        ([feature("Bone", [ring(2, 2, 2, 9)])], "no area"),
    ],
)
def test_damaged_features_are_named(tmp_path, features, words):
    with pytest.raises(InputError, match=words):
        read_annotations(write(tmp_path / "a.geojson", features), CLASSES)


@pytest.mark.parametrize(
    "classification",
    [
        {"name": "Bone"},
        {"name": "Bone: Cortical"},
        {"names": ["Bone"]},
        {"names": ["Bone", "Cortical"], "color": [1, 2, 3]},
        {"name": "Bone: Cortical", "names": ["Bone", "Cortical"]},
        "Bone",
        " Bone : Cortical",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_a_class_in_any_form_and_encoding(tmp_path, classification, encoding):
    one = feature("", [ring(2, 1, 6, 4)])
    one["properties"]["classification"] = classification
    (tmp_path / "a.geojson").write_bytes(json.dumps([one]).encode(encoding))
    assert [a.area for a in read_annotations(tmp_path / "a.geojson", CLASSES)["Bone"]] == [12]


@pytest.mark.parametrize(
    ("classification", "words"),
    [
        ({"names": ["Cortical", "Bone"]}, "unknown class 'Cortical: Bone'"),
        ({"names": ["Bone", "Exclude"]}, "unknown class 'Bone: Exclude'"),
        ({"names": []}, "has no classification"),
        ("", "has no classification"),
        (7, "has no classification"),
    ],
)
def test_a_class_that_is_not_clear_is_named(tmp_path, classification, words):
    one = feature("", [ring(2, 1, 6, 4)])
    one["properties"]["classification"] = classification
    with pytest.raises(InputError, match=rf"a\.geojson: feature 1: {words}"):
        read_annotations(write(tmp_path / "a.geojson", [one]), CLASSES)


def test_collections_in_collections_count(tmp_path):
    """As scripts write them that join several exports."""
    first, second = feature("Bone", [ring(0, 0, 4, 4)]), feature("Exclude", [ring(5, 5, 7, 7)])
    inner = {"type": "FeatureCollection", "features": [first]}
    for outer in ({"features": [inner, second]}, [inner, second]):
        drawn = read_annotations(write(tmp_path / "a.geojson", outer, collection=False), CLASSES)
        assert [area.area for area in drawn["Bone"] + drawn["Exclude"]] == [16, 4]
    with pytest.raises(InputError, match="not GeoJSON"):
        read_annotations(write(tmp_path / "a.geojson", [{"features": 3}], False), CLASSES)


@pytest.mark.parametrize("holder", ["feature", "properties"])
def test_child_objects_count_like_others(tmp_path, holder):
    """Three objects, one in another as QuPath's hierarchy is exported."""
    grandchild = feature("Background", [ring(4, 4, 5, 5)])
    child = feature("Exclude", [ring(3, 3, 6, 6)])
    parent = feature("Bone", [ring(0, 0, 8, 8)])
    for outer, inner in ((child, grandchild), (parent, child)):
        (outer if holder == "feature" else outer["properties"])["childObjects"] = [inner]
    drawn = read_annotations(write(tmp_path / "a.geojson", [parent]), CLASSES)
    assert {name: [a.area for a in areas] for name, areas in drawn.items()} == {
        "Bone": [64], "Exclude": [9], "Background": [1],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [("{not json", "not valid JSON"), ('{"type": "Point"}', "not GeoJSON"), ("3", "not GeoJSON")],
)
def test_damaged_files_are_refused(tmp_path, text, words):
    path = tmp_path / "bad.geojson"
    path.write_text(text)
    with pytest.raises(InputError, match=f"bad.geojson: {words}"):
        read_annotations(path, CLASSES)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such annotation file"):
        read_annotations(tmp_path / "none.geojson", CLASSES)


def test_a_file_wholly_outside_is_refused(tmp_path):
    path = write(tmp_path / "a.geojson", [feature("Bone", [ring(500, 500, 600, 600)])])
    with pytest.raises(InputError, match="every polygon lies outside"):
        class_masks(path, CLASSES, IDENTITY, (8, 10))


def test_a_file_without_an_area_is_announced(tmp_path, caplog):
    drawn = read_annotations(write(tmp_path / "a.geojson", []), CLASSES)
    assert not any(drawn.values())
    assert "a.geojson: holds no area; nothing counts as drawn" in caplog.text
