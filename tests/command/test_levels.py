"""The command ``levels``, and ``normalize`` by the levels that it found."""

import json

import numpy as np
import pytest
from pair_phantom import PIXEL_UM, make_pair, rectangle, write_pair
from pictures import read_rgb
from scan_phantom import BACKGROUND, SPAN, VOXEL_UM, make_scan

from virtual_staining.artefacts.scan_levels import read_scan_levels
from virtual_staining.artefacts.volume import write_volume_pyramid
from virtual_staining.cli import main
from virtual_staining.errors import InputError

BONE, AIR = BACKGROUND + SPAN, BACKGROUND


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    path = tmp_path_factory.mktemp("scan") / "ct.ome.zarr"
    write_volume_pyramid(path, make_scan("Ti").astype(np.uint16), VOXEL_UM)
    return path


def levels_of(scan, out, *arguments):
    status = main(["levels", "--ct", str(scan), *arguments, "--settings", "{}", "--out", str(out)])
    return status, read_scan_levels(out / "levels.json") if status == 0 else None


def pair_of_the_scan(folder, features=(), bone=BONE):
    ct, slide, _ = make_pair("Ti", bone=bone, background=AIR)
    return write_pair(folder, ct, slide, features)


def test_a_volume_without_sections(scan, tmp_path):
    status, levels = levels_of(scan, tmp_path)
    assert status == 0 and levels.reference_source == levels.background_source == "automatic"
    assert levels.reference == pytest.approx(BONE, abs=0.03 * SPAN)
    assert levels.background == pytest.approx(AIR, abs=0.03 * SPAN)
    assert read_rgb(tmp_path / "qc.png").std() > 0


def test_sections_take_the_levels_of_their_scan(scan, tmp_path):
    arguments = pair_of_the_scan(tmp_path / "pair")
    _, levels = levels_of(scan, tmp_path / "scan", "--registered", str(tmp_path / "pair"))
    assert levels.warnings == []
    out = tmp_path / "out"
    known = ["--levels", str(tmp_path / "scan/levels.json"), "--settings", "{}", "--out", str(out)]
    assert main(["normalize", *arguments, *known]) == 0
    stats = json.loads((out / "stats.json").read_text())
    made = stats["ct"]["scale"] * np.array([levels.background, levels.reference])
    np.testing.assert_allclose(made + stats["ct"]["offset"], [10000, 30000], atol=1)
    assert stats["warnings"] == []


def test_a_section_that_differs_from_its_scan_is_named_with_both_numbers(scan, tmp_path, caplog):
    levels_of(scan, tmp_path / "scan")
    arguments = pair_of_the_scan(tmp_path / "pair", bone=AIR + 1.15 * SPAN)
    known = ["--levels", str(tmp_path / "scan/levels.json"), "--settings", "{}"]
    assert main(["normalize", *arguments, *known, "--out", str(tmp_path / "out")]) == 0
    assert "Bone has the grey level 21" in caplog.text and "in its whole scan" in caplog.text


def test_drawn_polygons_win(scan, tmp_path):
    bone, air = rectangle("Bone", 65, 205, 90, 245), rectangle("Background", 280, 120, 310, 200)
    folder = tmp_path / "pair"
    pair_of_the_scan(folder, [bone, air], bone=AIR + 0.9 * SPAN)
    drawn = ("--registered", str(folder), "--annotations", str(folder / "drawn.geojson"))
    status, levels = levels_of(scan, tmp_path / "scan", *drawn)
    assert status == 0 and levels.reference_source == levels.background_source == "annotations"
    assert levels.reference == pytest.approx(AIR + 0.9 * SPAN, abs=0.02 * SPAN)


def test_a_volume_without_contrast_is_refused_unless_drawn(tmp_path, capsys):
    noise = np.random.default_rng(0).normal(AIR, 300, (20, 40, 40)).astype(np.uint16)
    write_volume_pyramid(tmp_path / "ct.ome.zarr", noise, PIXEL_UM)
    assert levels_of(tmp_path / "ct.ome.zarr", tmp_path / "out")[0] == 1
    assert "ct.ome.zarr: the grey levels show one material alone" in capsys.readouterr().err


def test_damaged_levels_are_named_with_the_remedy(tmp_path):
    path = tmp_path / "levels.json"
    path.write_text('{"background": 1}')
    with pytest.raises(InputError, match=r"levels\.json: no levels stored .*levels of this scan"):
        read_scan_levels(path)
