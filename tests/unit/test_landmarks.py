"""Landmark files of several programs: known points come back, wrong lines are named."""

import json

import numpy as np
import pandas as pd
import pytest

from virtual_staining.artefacts.sheet import complete_sheet, missing_files
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import pose_to_map
from virtual_staining.register.landmarks.read import read_landmarks
from virtual_staining.register.rough_pose import read_initial_pose
from virtual_staining.register.similarity.pose import to_map

SIZE_UM = (3800.0, 4200.0)
PIXEL_UM = 4.0
PX_TO_UM = np.array([[PIXEL_UM, 0, 0], [0, PIXEL_UM, 0.0]])
PX = np.array([[100.0, 80], [800, 120], [450, 900], [120, 700]])
TRUTH = pose_to_map([2300, 2200, 2100], [0.8, 0.6, 0], [0, 0, 1], SIZE_UM)
UM = TRUTH.to_volume(PX * PIXEL_UM)
HALF = PIXEL_UM / 2  # from the outer corner to the centre of the first pixel


def lines(rows, form="{:.6f}", separator=" "):
    return "\n".join(separator.join(form.format(value) for value in row) for row in rows)


def own(_):
    rows = np.hstack([PX, UM])
    head = "name,slide_x_px,slide_y_px,volume_x_um,volume_y_um,volume_z_um"
    return head + "\n" + "\n".join("a," + line for line in lines(rows, "{}", ",").splitlines())


def bigwarp(slide_first):
    flat = np.hstack([PX * PIXEL_UM - HALF, np.zeros((4, 1))])
    rows = np.hstack([flat, UM] if slide_first else [UM, flat])
    text = [f'"Pt-{k}","true",' + ",".join(f'"{v:.4f}"' for v in row) for k, row in enumerate(rows)]
    text.insert(2, '"Pt-9","false","Infinity","Infinity","Infinity","1.0","2.0","3.0"')
    return "\n".join(text) + "\n"


def elastix(kind, rows):
    return f"{kind}\n{len(rows)}\n{lines(rows)}\n"


def geojson(multi):
    shapes = (
        [{"type": "MultiPoint", "coordinates": PX.tolist()}]
        if multi
        else [{"type": "Point", "coordinates": point} for point in PX.tolist()]
    )
    features = [{"type": "Feature", "geometry": shape, "properties": {}} for shape in shapes]
    return json.dumps({"type": "FeatureCollection", "features": features})


SLIDES = {
    "qupath.geojson": geojson(multi=True),
    "qupath.json": geojson(multi=False),
    "table.tsv": "x\ty\tclass\tname\n" + lines(PX, "{}", "\t").replace("\n", "\tB\t1\n") + "\tB\t1",
    "centroid.tsv": "Name\tCentroid X µm\tCentroid Y µm\n"
    + "\n".join(f"a\t{x}\t{y}" for x, y in PX * PIXEL_UM),
    "index.txt": elastix("index", PX - 0.5),
    "point.pts": elastix("point", (PX * PIXEL_UM - HALF) / 1000),
    "own.csv": "slide_x_px,slide_y_px\n" + lines(PX, "{}", ","),
}
VOLUMES = {
    "volume.txt": elastix("point", UM / 1000),
    "volume.csv": "volume_x_um,volume_y_um,volume_z_um\n" + lines(UM, "{}", ","),
}


def put(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


@pytest.mark.parametrize("text", [own(0), bigwarp(True), bigwarp(False)])
def test_pairs_of_one_file_give_the_truth(tmp_path, text):
    slide, volume = read_landmarks(put(tmp_path, "landmarks.csv", text), SIZE_UM, PX_TO_UM)
    np.testing.assert_allclose(slide, PX * PIXEL_UM, atol=1e-3)
    np.testing.assert_allclose(volume, UM, atol=1e-3)


@pytest.mark.parametrize("volume_name", VOLUMES)
@pytest.mark.parametrize("slide_name", SLIDES)
def test_points_of_two_files_give_the_truth(tmp_path, slide_name, volume_name):
    parts = (
        put(tmp_path, slide_name, SLIDES[slide_name]),
        put(tmp_path, volume_name, VOLUMES[volume_name]),
    )
    slide, volume = read_landmarks("::".join(parts), SIZE_UM, PX_TO_UM)
    np.testing.assert_allclose(slide, PX * PIXEL_UM, atol=1e-2)
    np.testing.assert_allclose(volume, UM, atol=1e-2)


def test_two_files_are_a_first_pose_of_the_sheet(tmp_path):
    put(tmp_path, "s.geojson", SLIDES["qupath.geojson"])
    row = {"sample": "S", "volume": "v.tif", "initial_pose": "s.geojson::v.txt"}
    sheet = complete_sheet(pd.DataFrame([row]), tmp_path, "sheet")
    assert missing_files(sheet, ["initial_pose"]) == [f"S: initial_pose: {tmp_path}/v.txt"]
    put(tmp_path, "v.txt", VOLUMES["volume.txt"])
    assert missing_files(sheet, ["initial_pose"]) == []
    pose = read_initial_pose(sheet["initial_pose"]["S"], SIZE_UM, PX_TO_UM)
    np.testing.assert_allclose(to_map(pose, SIZE_UM).to_volume([[0, 0]]), TRUTH.to_volume([[0, 0]]),
                               atol=0.1)  # fmt: skip


@pytest.mark.parametrize(
    ("slide", "volume", "words"),
    [
        (bigwarp(True).replace('"true"', '"yes"', 1), "", "no landmarks are known in this form"),
        (bigwarp(True).replace("320.0000", "3x", 1), "", "no landmarks|line"),
        ('"a","true","1","2","3","4"\n', "", "line 1: 6 fields; a landmark .* has 8 in BigWarp"),
        (bigwarp(True).replace('"0.0000"', '"1.5"', 1), "", "one image must be the slide.*found 0"),
        ('"a","true","1","x","0","4","5","6"\n', "", "line 1: moving y: 'x' is not a number"),
        (SLIDES["index.txt"], "", "must be one file with pairs of points"),
        (own(0), VOLUMES["volume.txt"], "must be one file with pairs"),
        (VOLUMES["volume.txt"], SLIDES["index.txt"], "slide's points have 3 coordinates instead"),
        ("point\n3\n1 2\n3 4\n", VOLUMES["volume.txt"], "line 2: says '3' points, 2 follow"),
        ("point\n2\n1 2\n3 x\n", VOLUMES["volume.txt"], "line 4: 'x' is not a number"),
        ("point\n2\n1 2\n3 4 5\n", VOLUMES["volume.txt"], "2 coordinates .* or 3 .*; found"),
        (SLIDES["index.txt"], elastix("index", UM), "line 1: index: voxel indices do not say"),
        (SLIDES["index.txt"], elastix("point", UM[:3] / 1000), "4 points on the slide, 3 in the"),
        (elastix("point", PX * PIXEL_UM), VOLUMES["volume.txt"], "landmark 1 lies beside the"),
        (SLIDES["table.tsv"].replace("100.0", "", 1), VOLUMES["volume.txt"], "line 2: x: '' is"),
        (SLIDES["qupath.json"].replace('"Point"', '"Polygon"', 1), VOLUMES["volume.txt"],
         "feature 1: geometry is 'Polygon'; draw points as landmarks"),
        (SLIDES["qupath.json"][:-4], VOLUMES["volume.txt"], "not valid JSON"),
        ("slide_x_px,slide_y_px\n1,nan\n", VOLUMES["volume.txt"], "line 2: slide_y_px: 'nan' is"),
        ("slide_x_px\n1\n", VOLUMES["volume.txt"], r"missing column\(s\) slide_y_px"),
        ("", VOLUMES["volume.txt"], "no landmarks are known in this form"),
    ],
)  # fmt: skip
def test_wrong_files_are_refused_by_name_and_line(tmp_path, slide, volume, words):
    name = put(tmp_path, "slide.txt", slide)
    if volume:
        name += "::" + put(tmp_path, "volume.txt", volume)
    with pytest.raises(InputError, match=words) as error:
        read_landmarks(name, SIZE_UM, PX_TO_UM)
    assert str(tmp_path) in str(error.value)


def test_lengths_that_differ_are_said(tmp_path, caplog):
    text = own(0).splitlines()
    rows = np.hstack([PX * 0.88, UM])
    (tmp_path / "l.csv").write_text(
        "\n".join([text[0].removeprefix("name,"), lines(rows, "{}", ",")])
    )
    read_initial_pose(tmp_path / "l.csv", SIZE_UM, PX_TO_UM)
    assert "1.14 times as far apart in the volume" in caplog.text
