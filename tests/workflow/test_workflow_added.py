"""A sample more: what is made again, and what is not."""

import re

import numpy as np
import pytest
from paired_study import STAIN, write_pairs, write_study
from workspace import make_workspace, snakemake

from virtual_staining.artefacts.storage.image import read_image, write_image

pytestmark = pytest.mark.workflow
ROLES = {"a": "crossval", "b": "crossval", "t": "test"}


def run(folder, *arguments):
    done = snakemake(folder, "--cores", "1", *arguments)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def planned(folder, target):
    output = run(folder, target, "-n")
    return set(re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", output, re.MULTILINE))


def test_a_test_sample_more_trains_nothing_and_a_crossval_sample_everything(tmp_path):
    make_workspace(tmp_path, {})
    write_study(tmp_path, ("pix2pix",), folds=2)
    write_pairs(tmp_path, ROLES)
    run(tmp_path, "train")
    inferred = f"results/07_infer/{STAIN}/pix2pix/fold-1"
    assert planned(tmp_path, "train") == set()
    # References are fitted beside the trained models, and other tissue classes enter evaluation.
    table = f"results/08_evaluate/{STAIN}/table.csv"
    assert "evaluate_references" in planned(tmp_path, table)
    assert "train_model" not in planned(tmp_path, table)
    tissue = tmp_path / "results/04_mask/a/tissue.tif"
    write_image(tissue, np.zeros_like(read_image(tissue)), 75.0)
    run(tmp_path, "pairs")
    assert planned(tmp_path, "train") == set()
    assert {"infer_slides", "evaluate_references"} <= planned(tmp_path, table)
    write_pairs(tmp_path, {**ROLES, "u": "test"})
    run(tmp_path, "pairs")
    assert planned(tmp_path, "train") == set()
    assert planned(tmp_path, inferred) == {"infer_slides"}
    write_pairs(tmp_path, {**ROLES, "u": "test", "c": "crossval"})
    run(tmp_path, "pairs")
    assert planned(tmp_path, "train") >= {"train_model"}
