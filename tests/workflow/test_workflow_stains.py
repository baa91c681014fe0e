"""Two stains in one run, the second with fewer models: the paper's reduced comparison (S2)."""

import numpy as np
import pandas as pd
import pytest
from workspace import TINY, make_workspace, snakemake

from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.models.references import REFERENCES

pytestmark = pytest.mark.workflow
ALL, FEWER = {"paired_cyclegan", "pix2pix", "cyclegan"}, {"paired_cyclegan", "pix2pix"}
STAINS = {"toluidine_blue": ALL, "hematoxylin_eosin": FEWER}
SAMPLES = {"crossval": {"Mg": 2}, "test": {"Mg": 1}}


def test_hematoxylin_eosin_is_trained_beside_toluidine_blue(tmp_path):
    study = {
        **TINY,
        "models": ["paired_cyclegan", "pix2pix", "cyclegan"],
        "stain_models": {"hematoxylin_eosin": sorted(FEWER)},
        "trained_folds": [1],
        "cohort": {**TINY["cohort"], "stains": dict.fromkeys(STAINS, SAMPLES)},
    }
    done = snakemake(make_workspace(tmp_path, study), "--cores", "2", "figures")
    assert done.returncode == 0, done.stdout[-4000:]
    results = tmp_path / "results"
    for stain, models in STAINS.items():
        trained = {path.name for path in (results / "06_train" / stain).iterdir()}
        assert trained == models
        for model in models:
            history = pd.read_csv(results / f"06_train/{stain}/{model}/fold-1/history.csv")
            assert np.isfinite(history.select_dtypes("number").dropna(axis=1)).all(axis=None)
        table = pd.read_csv(results / f"08_evaluate/{stain}/table.csv")
        assert set(table["model"]) == models | set(REFERENCES)
        assert set(table["subset"]) == {"train", "validation", "test"}
        shown = {path.stem for path in (results / "09_figures" / stain).glob("*.png")}
        assert {"patches", "slides", "models", "boxplots"} <= shown
        summary = (results / f"09_figures/{stain}/summary.html").read_text(encoding="utf-8")
        assert ("Std. CycleGAN" in summary) == ("cyclegan" in models)
    red, _, blue = real_colour(results, "hematoxylin_eosin")
    assert red > blue, "eosin is pink"
    red, _, blue = real_colour(results, "toluidine_blue")
    assert blue > red


def real_colour(results, stain):
    """Mean colour of a stain's real test slide inside its mask."""
    folder = next((results / f"07_infer/{stain}/pix2pix/fold-1").glob("*/slide.tif")).parent
    mask = read_image(results / f"04_mask/{folder.name}/mask.tif") > 0
    return read_image(results / f"03_normalize/{folder.name}/slide.tif")[mask].mean(axis=0)
