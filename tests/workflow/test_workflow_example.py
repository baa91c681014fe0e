"""The real-data example, cut down: four sections, a few training steps."""

import numpy as np
import pandas as pd
import pytest
import yaml
from pictures import read_rgb
from workspace import DRAW, ROOT, make_workspace, snakemake

from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.cli import main

pytestmark = pytest.mark.workflow


def test_real_sections_to_a_stained_brain(shared_data, tmp_path):
    study = yaml.safe_load((ROOT / "profiles/example/study.yaml").read_text())
    study["results"] = "results"
    study["samples"] = "sheet/samples.tsv"
    study["ingest"] = {"voxel_size_um": 100, "slide_pixel_um": 50}
    study["register"]["fan_starts"] = 256
    study["draw"] = DRAW
    study["train"] |= {"epochs": 1, "patches_per_pair": 4, "validation_patches_per_pair": 1}
    make_workspace(tmp_path, study)
    data = str(shared_data / "mouse-brain-2d3d")
    sheet = ["example", "--data", data, "--sections", "4", "--out", str(tmp_path / "sheet")]
    assert main(sheet) == 0
    done = snakemake(tmp_path, "--cores", "2")
    assert done.returncode == 0, done.stdout[-4000:]

    results = tmp_path / "results"
    transforms = [read_json(path) for path in results.glob("02_register/*/transform.json")]
    assert len(transforms) == 4
    assert all(found["mutual_information"] > 0.2 for found in transforms)
    table = pd.read_csv(results / "08_evaluate/dab/table.csv")
    assert {"raw_ct", "paired_cyclegan"} <= set(table["model"])
    stained = results / "10_stain/dab/paired_cyclegan/brain"
    assert (stained / "rgba.ome.zarr/zarr.json").is_file()
    picture = read_rgb(results / "11_draw/dab/paired_cyclegan/brain/orthogonal.png")
    colours = np.unique(picture.reshape(-1, 3), axis=0)
    assert len(colours) > 1000 and np.ptp(colours.astype(int), axis=1).max() > 20  # not grey
