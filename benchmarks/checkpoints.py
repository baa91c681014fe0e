"""Which weights of a training to infer with: the last, or those at a loss's minimum.

    python benchmarks/checkpoints.py results/demo --study profiles/demo/study.yaml [--lpips FILE]

Takes the trainings that a study has finished, stains the validation slides of each fold with every
checkpoint that was kept, and compares them with the real slides as ``evaluate`` does. Prints the
medians over all patches of all folds; the last line is JSON: for each model and checkpoint the
median of each metric, and ``best``, the checkpoint with the highest mean rank over
models and metrics. Test samples are not looked at.
"""

import argparse
import json
from pathlib import Path

import pandas as pd
import torch
import yaml

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.generator import load_generators
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.pair_stats import read_background_levels
from virtual_staining.artefacts.paths import Results
from virtual_staining.evaluate.metric import find_needs, load_metrics
from virtual_staining.evaluate.patch_metrics import measure
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.infer import InferSettings

CONFIG = Path(__file__).resolve().parents[1] / "config.yaml"
CPU = torch.device("cpu")


def study_tools(study, lpips):
    """Return how a study stains slides, how it compares them, and the metrics."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    changes = yaml.safe_load(study.read_text(encoding="utf-8")) if study else {}
    infer, evaluate = ({**config[name], **changes.get(name, {})} for name in ("infer", "evaluate"))
    tiling = from_dict(InferSettings, infer)
    evaluate |= {"lpips": lpips is not None, "lpips_backbone": lpips and str(lpips)}
    settings = from_dict(EvaluateSettings, evaluate)
    return tiling, settings, load_metrics(find_needs(settings))


def columns_of(tools):
    """Return the measured metrics that have a direction, column to whether higher is better."""
    return {
        metric.column: metric.higher_is_better
        for metric, compute in tools[2].items()
        if compute and metric.best is None
    }


def checkpoints(folder):
    """Return file and epoch of every kept checkpoint of a training, by its loss."""
    paths = sorted((folder / "best").glob("*.pt"))
    contents = [torch.load(path, map_location="cpu", weights_only=True) for path in paths]
    return {c["loss"]: (path, c["epoch"]) for path, c in zip(paths, contents, strict=True)}


def measured(path, samples, results, tiling, settings, metrics):
    """Rows of ``evaluate`` for the given samples, stained with one checkpoint."""
    generators = load_generators(path, CPU)
    rows = []
    for sample in samples:
        pair = read_training_pair(results, sample)
        _, background = read_background_levels(results.normalized(sample).stats)
        stained, _ = generators.slide_from_ct(pair.ct, tiling)
        rows += measure(pair.slide, stained, pair.mask, background, settings, metrics)
    return rows


def rows_of_study(results, tiling, settings, metrics):
    rows = []
    for trained in sorted(results.root.glob("06_train/*/*/fold-*/generator.pt")):
        folder = trained.parent
        stain, model = folder.parts[-3:-1]
        number = int(folder.name.removeprefix("fold-"))
        fold = read_fold(results.split(stain).folds, number)
        known = {}
        for name, (path, epoch) in checkpoints(folder).items():
            if epoch not in known:
                known[epoch] = measured(path, fold.validation, results, tiling, settings, metrics)
            about = {"stain": stain, "model": model, "fold": number, "checkpoint": name}
            rows += [about | {"epoch": epoch} | row for row in known[epoch]]
        print(f"{stain} {model} fold {number}: {len(known)} different epochs", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results folder of a study")
    parser.add_argument("--study", type=Path, help="its changes to config.yaml")
    parser.add_argument("--lpips", type=Path, help="squeezenet1_1 weights; left out: no LPIPS")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    args = parser.parse_args()
    set_up_processor(args.threads)
    tools = study_tools(args.study, args.lpips)
    rows = rows_of_study(Results(args.results), *tools)
    if not rows:
        parser.error(f"{args.results}: no finished training under 06_train/")
    upward = columns_of(tools)
    metrics = list(upward)
    keys = ["stain", "model", "checkpoint"]
    table = pd.DataFrame(rows).groupby(keys, sort=False)[metrics].median()
    epochs = pd.DataFrame(rows).groupby(keys)["epoch"].unique().map(list)
    print(table.assign(epochs=epochs).round(3).to_string())
    ranks = table.groupby(["stain", "model"]).rank(ascending=False)
    for name in metrics:
        if not upward[name]:
            ranks[name] = table.groupby(["stain", "model"])[name].rank()
    # Only checkpoints that every model has can be the default for all.
    common = ranks.mean(axis=1).unstack("checkpoint").dropna(axis=1)
    result = {" ".join(key): row.round(4).to_dict() for key, row in table.iterrows()}
    result["mean_rank"] = common.mean().round(3).to_dict()
    result["best"] = common.mean().idxmin()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
