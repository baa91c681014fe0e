"""The map between slide and volume for other programs: ITK transforms and points."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest
import sections
import SimpleITK as sitk

from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register import points
from virtual_staining.register.result.itk_transform import write_tfm

SIZE_UM = (3800.0, 4200.0)
PX_TO_UM = [[0.5, 0, 0], [0, 0.5, 0]]
KNOWN = SectionMap(np.array([100.0, 200, 300]), np.array([0, 1.0, 0]), np.array([0, 0, 2.0]))


@pytest.fixture(params=[False, True], ids=["plain", "mirrored"])
def section(request) -> SectionMap:
    return sections.oblique_map(SIZE_UM, mirrored=request.param)[0]


@pytest.fixture
def transform(tmp_path, section):
    return transform_of(tmp_path, section)


def transform_of(folder, section, **changes):
    values = {"slide_to_volume": section.to_dict(), "slide_px_to_um": PX_TO_UM}
    path = folder / "transform.json"
    path.write_text(json.dumps(values | changes))
    return path


def convert(folder, transform, text) -> pd.DataFrame:
    (folder / "points.csv").write_text(text, encoding="utf-8")
    call(transform, folder / "points.csv", folder / "out.csv")
    return pd.read_csv(folder / "out.csv", dtype={"name": str}, keep_default_na=False)


def call(transform, source, out) -> None:
    parser = argparse.ArgumentParser()
    points.add_arguments(parser)
    line = ["--transform", str(transform), "--points", str(source), "--out", str(out)]
    points.run(parser.parse_args(line))


def test_itk_reads_the_map(tmp_path, section):
    write_tfm(tmp_path / "deep" / "slide.tfm", section)
    transform = sitk.ReadTransform(str(tmp_path / "deep" / "slide.tfm"))
    assert "AffineTransform_double_3_3" in (tmp_path / "deep" / "slide.tfm").read_text()
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["slide.tfm"]
    slide_um = np.random.default_rng(0).uniform(-5000, 5000, (20, 2))
    inverse = transform.GetInverse()
    for point, expected in zip(slide_um, section.to_volume(slide_um), strict=True):
        mapped = np.array(transform.TransformPoint((*(point / 1000), 0.0))) * 1000
        np.testing.assert_allclose(mapped, expected, atol=1e-6)
        back = np.array(inverse.TransformPoint((expected / 1000).tolist())) * 1000
        np.testing.assert_allclose(back, [*point, 0], atol=1e-6)
    above = section.origin_um + 250 * section.normal
    depth = np.array(inverse.TransformPoint((above / 1000).tolist())) * 1000
    np.testing.assert_allclose(depth, [0, 0, 250], atol=1e-6)


def test_itk_cuts_the_section_from_images_placed_as_documented(tmp_path, section):
    """A volume of its own coordinates, resampled onto the slide, gives the map."""
    write_tfm(tmp_path / "slide.tfm", section)
    voxel, pixel = 0.3, 0.2  # mm
    centres = (np.indices((20, 20, 20)) + 0.5) * voxel  # z, y, x
    slide = sitk.Image(19, 21, 1, sitk.sitkUInt8)
    slide.SetSpacing((pixel, pixel, 1.0))
    slide.SetOrigin((pixel / 2, pixel / 2, 0.0))
    y, x = np.indices((21, 19))
    at_um = (np.stack([x.ravel(), y.ravel()], 1) + 0.5) * pixel * 1000
    expected = section.to_volume(at_um) / 1000
    inside = ((expected > voxel) & (expected < 19 * voxel)).all(1)
    assert inside.sum() > 100
    for axis in range(3):
        volume = sitk.GetImageFromArray(centres[2 - axis])
        volume.SetSpacing((voxel,) * 3)
        volume.SetOrigin((voxel / 2,) * 3)
        cut = sitk.Resample(volume, slide, sitk.ReadTransform(str(tmp_path / "slide.tfm")))
        values = sitk.GetArrayFromImage(cut).ravel()[inside]
        np.testing.assert_allclose(values, expected[inside, axis], atol=1e-6)


def test_points_of_a_known_map(tmp_path):
    transform = transform_of(tmp_path, KNOWN)
    table = convert(
        tmp_path, transform, "\ufeffname,slide_x_px,slide_y_px\n007,0,0\nNA,20,10\n,-2,1e1\n"
    )
    assert list(table) == [
        "name", "slide_x_px", "slide_y_px", "volume_x_um", "volume_y_um", "volume_z_um",
    ]  # fmt: skip
    assert table["name"].tolist() == ["007", "NA", ""]
    expected = [[100, 200, 300], [100, 210, 310], [100, 199, 310]]
    assert table[points.VOLUME_COLUMNS].to_numpy() == pytest.approx(np.array(expected))


def test_points_of_a_slide_that_is_stored_turned(tmp_path):
    turned = transform_of(tmp_path, KNOWN, slide_px_to_um=[[0, 0.5, 0], [-0.5, 0, 40]])
    table = convert(tmp_path, turned, "slide_x_px,slide_y_px\n20,10\n")
    assert table[points.VOLUME_COLUMNS].to_numpy()[0] == pytest.approx([100, 205, 360])
    back = convert(tmp_path, turned, "volume_x_um,volume_y_um,volume_z_um\n100,205,360\n")
    assert back[points.SLIDE_COLUMNS].to_numpy()[0] == pytest.approx([20, 10])


def test_volume_points_of_a_known_map(tmp_path):
    text = "volume_x_um,volume_y_um,volume_z_um,name\n100,210,310,a\n130,200,300,b\n75,200,300,c\n"
    table = convert(tmp_path, transform_of(tmp_path, KNOWN), text)
    assert list(table)[-3:] == ["slide_x_px", "slide_y_px", "distance_um"]
    expected = [[20, 10, 0], [0, 0, 30], [0, 0, -25]]
    assert table.iloc[:, -3:].to_numpy() == pytest.approx(np.array(expected), abs=1e-9)
    assert table["name"].tolist() == ["a", "b", "c"]


def test_points_come_back(tmp_path, transform, section):
    pixels = np.random.default_rng(1).uniform(-1000, 9000, (30, 2))
    frame = pd.DataFrame(pixels, columns=["slide_x_px", "slide_y_px"])
    volume = convert(tmp_path, transform, frame.to_csv(index=False))
    lifted = volume[points.VOLUME_COLUMNS] + 40 * section.normal
    back = convert(tmp_path, transform, lifted.to_csv(index=False))
    np.testing.assert_allclose(back[["slide_x_px", "slide_y_px"]], pixels, atol=1e-6)
    np.testing.assert_allclose(back["distance_um"], 40, atol=1e-6)


BAD_POINTS = [
    ("", "cannot be read as CSV"),
    ("x,y\n1,2\n", "no coordinate columns"),
    ("slide_x_px\n1\n", "missing column.*slide_y_px"),
    ("volume_x_um,volume_z_um\n1,2\n", "missing column.*volume_y_um"),
    ("slide_x_px,slide_y_px,volume_x_um,volume_y_um,volume_z_um\n1,2,3,4,5\n", "both kinds"),
    ("slide_x_px,slide_y_px\n1,2\n3,here\n", "slide_y_px: row 2: 'here'"),
    ("slide_x_px,slide_y_px\n1,\n", "slide_y_px: row 1"),
    ("slide_x_px,slide_y_px\ninf,1\n", "slide_x_px: row 1"),
    ("slide_x_px,slide_y_px\n1,2,3\n", "more fields"),
    ("volume_x_um,volume_y_um,volume_z_um,distance_um\n1,2,3,4\n", "distance_um"),
]


@pytest.mark.parametrize(("text", "word"), BAD_POINTS)
def test_bad_points_are_refused_by_name(tmp_path, text, word):
    with pytest.raises(InputError, match=word) as caught:
        convert(tmp_path, transform_of(tmp_path, KNOWN), text)
    assert "points.csv" in str(caught.value)
    assert not (tmp_path / "out.csv").exists()


def test_missing_files_are_refused(tmp_path):
    transform = transform_of(tmp_path, KNOWN)
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        call(transform, tmp_path / "none.csv", tmp_path / "out.csv")
    with pytest.raises(InputError, match=r"none\.json: no such file"):
        call(tmp_path / "none.json", tmp_path / "none.csv", tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"slide_px_to_um": None}, "slide_px_to_um"),
        ({"slide_px_to_um": [[0, 0, 0], [0, 0, 0]]}, "invertible"),
        ({"slide_to_volume": {"origin_um": [0, 0, 0]}}, "'u' must be three numbers"),
    ],
)
def test_bad_transforms_are_refused(tmp_path, changes, word):
    with pytest.raises(InputError, match=word) as caught:
        convert(tmp_path, transform_of(tmp_path, KNOWN, **changes), "slide_x_px,slide_y_px\n1,2\n")
    assert "transform.json" in str(caught.value)
