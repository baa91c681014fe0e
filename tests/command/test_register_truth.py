"""The demo's samples, from their raw files to their planes, without any first guess."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from workspace import ROOT

from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.cli import main
from virtual_staining.imaging.geometry import SectionMap


def demo_blocks() -> dict:
    """Return the demo's configuration: config.yaml with its study's numbers over it."""
    blocks = yaml.safe_load((ROOT / "config.yaml").read_text())
    for key, value in yaml.safe_load((ROOT / "profiles/demo/study.yaml").read_text()).items():
        blocks[key] = {**blocks[key], **value} if isinstance(value, dict) else value
    return blocks


@pytest.fixture(scope="module")
def sheet(tmp_path_factory):
    """The demo's sample sheet."""
    blocks = demo_blocks()
    folder = tmp_path_factory.mktemp("cohort")
    cohort, seed = json.dumps(blocks["cohort"]), str(blocks["seed"])
    path = folder / "samples.tsv"
    assert main(["cohort", "sheet", "--settings", cohort, "--seed", seed, "--out", str(path)]) == 0
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False).set_index("sample")


# one of each material; Ti-01 shows a partial field
@pytest.mark.parametrize("sample", ["Mg-01", "Ti-01", "PEEK-01"])
def test_demo_sample_finds_its_plane(sheet, sample, tmp_path):
    blocks, row = demo_blocks(), sheet.loc[sample]
    raw = tmp_path / sample
    settings = {key: json.dumps(block) for key, block in blocks.items()}
    lines = [
        ["cohort", "sample", "--sample", sample, "--settings", settings["cohort"],
         "--seed", str(blocks["seed"]), "--out", str(raw)],
        ["ingest", "volume", "--volume", str(tmp_path / row["volume"]), "--voxel-size-um",
         row["voxel_size_um"], "--settings", settings["ingest"], "--out", str(tmp_path / "ct")],
        ["ingest", "slide", "--slide", str(tmp_path / row["slide"]), "--pixel-size-um",
         row["slide_pixel_um"], "--settings", settings["ingest"],
         "--out", str(tmp_path / "slide.ome.tif")],
        ["register", "section", "--ct", str(tmp_path / "ct"), "--slide",
         str(tmp_path / "slide.ome.tif"), "--sample", sample, "--volume", sample,
         "--settings", settings["register"], "--out", str(tmp_path / "out")],
    ]  # fmt: skip
    for line in lines:
        assert main(line) == 0, line
    truth, result = read_json(raw / "truth.json"), read_json(tmp_path / "out/transform.json")
    known = SectionMap.from_dict(truth["slide_to_volume"])
    section = SectionMap.from_dict(result["slide_to_volume"])
    points = np.random.default_rng(0).uniform(0.15, 0.85, (500, 2)) * truth["slide_size_um"]
    errors = np.linalg.norm(section.to_volume(points) - known.to_volume(points), axis=1)
    assert np.percentile(errors, 95) < blocks["ingest"]["voxel_size_um"]
    assert section.normal @ known.normal > np.cos(np.radians(1))
    assert result["unsure"] is False and result["confidence"] > 0.8
    assert result["scale_x"] == pytest.approx(truth["affine"]["scale_x"] - 1, abs=0.01)
