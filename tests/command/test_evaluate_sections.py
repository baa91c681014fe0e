"""Sections cut out of stained volumes against the real ones, beside translated planes."""

import json

import numpy as np
import pandas as pd
import pytest
from train_cases import STAIN, make_pair, write_pair, write_split

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_place import write_pair_grid
from virtual_staining.artefacts.rgba import write_rgba
from virtual_staining.artefacts.storage.image import read_image, write_image
from virtual_staining.cli import main
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap

PIXEL_UM, PLANE, MODEL = 20.0, 5, "pix2pix"


@pytest.fixture
def results(tmp_path):
    """The volume holds the real slide of a test sample in one of its planes, turned and moved."""
    results = Results(tmp_path)
    pairs = [make_pair(seed) for seed in range(3)]
    for pair in pairs:
        write_pair(results, pair, PIXEL_UM)
    write_split(results, [pair.sample for pair in pairs], 1, 1)
    real = read_image(results.normalized(pairs[2].sample).slide)
    colours = np.full((4, 12, real.shape[1] + 8, real.shape[0] + 6), 255, np.uint8)
    colours[:3, PLANE, 3 : 3 + real.shape[1], 2 : 2 + real.shape[0]] = real.transpose(2, 1, 0)
    folder = results.stained_volume(STAIN, MODEL, "v")
    write_rgba(folder, [colours], colours.shape[1:], PIXEL_UM, (1.0, 0.0), "z")
    origin = np.array([2, 3, PLANE + 0.5]) * PIXEL_UM
    frame = SectionMap(origin, np.array([0.0, 1, 0]), np.array([1.0, 0, 0]))
    grid = PlaneGrid(real.shape[:2], PIXEL_UM, frame)
    write_pair_grid(results.registered(pairs[2].sample).transform, grid, {"volume": "v"})
    darker = (real * 0.8).astype(np.uint8)
    write_image(results.stained(STAIN, MODEL, 1).sample(pairs[2].sample).slide, darker, PIXEL_UM)
    settings = {"patch_px": 32, "step_px": 32, "lpips": False}
    arguments = ["--results", str(results), "--settings", json.dumps(settings)]
    assert main(["evaluate", "metrics", *arguments]) == 0
    return results, pairs[2].sample, arguments


def run(results, sections):
    words = ["evaluate", "sections", "--stain", STAIN, "--model", MODEL, "--folds", "1"]
    return main([*words, *results[2], "--sections", *sections])


def test_the_cut_and_the_translated_plane_are_compared_with_the_real_slide(results):
    assert run(results, [results[1], "not-in-the-study"]) == 0
    folder = results[0].evaluation(STAIN)
    table = pd.read_csv(folder.stained_sections.csv).set_index(["region", "way"])
    assert set(table["subset"]) == {"test"} and set(table["sample"]) == {results[1]}
    for region in ("mask", "tissue"):
        cut, direct = table.loc[(region, "volume")], table.loc[(region, "plane")]
        assert cut["ssim"] == pytest.approx(1) and cut["delta_e_2000"] == pytest.approx(0)
        assert direct["ssim"] < 0.999 and direct["delta_e_2000"] > 2
        assert cut["patches"] == direct["patches"] > 0
    text = folder.stained_sections_markdown.read_text(encoding="utf-8")
    assert f"| {results[1]} | Testing | cut out of the stained volume | 1.00 |" in text


def test_a_volume_without_a_section_to_compare_says_so(results):
    assert run(results, ["not-in-the-study"]) == 0
    folder = results[0].evaluation(STAIN)
    assert "No section" in folder.stained_sections_markdown.read_text(encoding="utf-8")


def test_a_section_beside_its_volume_is_refused(results, capsys):
    path = results[0].registered(results[1]).transform
    frame = SectionMap(np.full(3, 1e5), *np.eye(3)[:2])
    shape = read_image(results[0].normalized(results[1]).slide).shape[:2]
    write_pair_grid(path, PlaneGrid(shape, PIXEL_UM, frame), {"volume": "v"})
    assert run(results, [results[1]]) == 1
    assert "misses the volume" in capsys.readouterr().err
