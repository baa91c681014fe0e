"""The weights that a training kept, on validation slides alone."""

import json

import pandas as pd
import pytest
import torch
from train_cases import STAIN, tiny, trained, write_fold

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.generator_file import write_generator
from virtual_staining.artefacts.patches import MetricColumn
from virtual_staining.artefacts.paths import Results
from virtual_staining.cli import main
from virtual_staining.evaluate.checkpoints import summarize_checkpoints
from virtual_staining.models.build import build_model

INFER = json.dumps({"patch_px": 32, "step_px": 32})


def evaluate(results, *words):
    return main(["evaluate", *words, "--results", str(results), "--stain", STAIN])


def measure(results, model="pix2pix"):
    words = ["--model", model, "--fold", "1", "--tile-step-px", "32", "--infer", INFER]
    return evaluate(results, "checkpoints", *words, "--settings", '{"patch_px": 32}')


def test_kept_weights_are_measured_on_validation_slides(tmp_path, capsys):
    settings, results = tiny("pix2pix"), Results(tmp_path)
    write_fold(tmp_path, settings)
    assert (
        main(["evaluate", "metrics", "--settings", '{"lpips": false}', "--results", str(tmp_path)])
        == 0
    )
    assert measure(results) == 1
    assert "best: holds no weights" in capsys.readouterr().err
    best = trained(tmp_path, "pix2pix").best
    best.mkdir(parents=True)
    for seed, loss in enumerate(("last", "gan")):
        torch.manual_seed(seed)
        state = build_model(settings, torch.device("cpu")).generators.state_dict()
        write_generator(best / f"{loss}.pt", settings, state, 2 - seed, loss)
    assert measure(results) == 0
    folder = results.evaluation(STAIN)
    rows = pd.read_csv(folder.fold_checkpoints("pix2pix", 1).csv)
    fold = read_fold(results.split(STAIN).folds, 1)
    assert set(rows["sample"]) == set(fold.validation) and set(rows["subset"]) == {"validation"}
    assert rows.groupby("checkpoint")["epoch"].unique().map(list).to_dict() == {
        "last": [2],
        "gan": [1],
    }
    assert evaluate(results, "choice", "--models", "pix2pix", "--folds", "1") == 0
    table = pd.read_csv(folder.checkpoints.csv)
    assert set(table["checkpoint"]) == {"last", "gan"} and {"mask"} <= set(table["region"])
    text = folder.checkpoints_markdown.read_text(encoding="utf-8")
    assert text.count("ranks best") == 1 and "### Pix2Pix, whole mask" in text


def test_the_lowest_mean_rank_is_best():
    columns = [
        MetricColumn("similarity", "Similarity", "", True, 2, order=1),
        MetricColumn("distance", "Distance", "", False, 2, order=2),
        MetricColumn("sharp", "Sharp", "", True, 2, order=3, best=1.0),
    ]
    rows = pd.DataFrame(
        {"stain": STAIN, "model": "pix2pix", "region": "mask", "sample": "a", "epoch": 3}
        | {"checkpoint": name, "similarity": s, "distance": d, "sharp": sharp}
        for name, s, d, sharp in (("last", 0.5, 0.2, 1), ("l1", 0.6, 0.1, 0), ("gan", 0.4, 0.3, 1))
    )
    table, best = summarize_checkpoints(rows, columns)
    assert best == {"pix2pix": "l1"}, "sharpness has no direction and does not rank"
    ranks = table.set_index("checkpoint")["rank"]
    assert ranks.to_dict() == pytest.approx({"l1": 1, "last": 2, "gan": 3})
