"""What bfloat16 costs in quality: trainings of a study in both precisions, beside chance alone.

    python benchmarks/precision.py results/demo --study profiles/demo/study.yaml [--lpips FILE]

Trains both models that see pairs on the folds of a finished study, as its settings say but for
precision and seed. Prints the training loss (means over quarters of the epochs) and the means over
the validation patches of all folds for each run; the last line is JSON: for each model and metric
the mean difference bf16 - fp32 at equal seed, and the largest difference between seeds in fp32.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from alignment import settings_for, trained
from checkpoints import columns_of, measured, study_tools

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.runtime import set_up_processor

MODELS = ("paired_cyclegan", "pix2pix")


def run(settings, split, results, tools):
    """Train and measure on every fold; return validation rows and the loss of each quarter."""
    rows, curves = [], []
    for number in range(1, len(read_json(split)["folds"]) + 1):
        fold = read_fold(split, number)
        with tempfile.TemporaryDirectory() as work:
            file = trained(settings, fold, results, 0, Path(work, "fold"))
            history = pd.read_csv(file.with_name("history.csv"))
            quarters = np.array_split(history["train_total"].to_numpy(), 4)
            curves.append([quarter.mean() for quarter in quarters])
            rows += measured(file, fold.validation, results, *tools)
    return rows, np.mean(curves, axis=0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results folder of a study")
    parser.add_argument("--study", type=Path, help="its changes to config.yaml")
    parser.add_argument("--lpips", type=Path, help="squeezenet1_1 weights; left out: no LPIPS")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    args = parser.parse_args()
    set_up_processor(args.threads)
    tools = study_tools(args.study, args.lpips)
    metrics = list(columns_of(tools))
    results = Results(args.results)
    result = {}
    for split in sorted(args.results.glob("05_split/*/folds.json")):
        for model in MODELS:
            own = settings_for("as it is", results, split.parent.name, model)
            means = {}
            for seed in args.seeds:
                for precision in ("fp32", "bf16"):
                    changed = own.model_copy(update={"seed": seed, "precision": precision})
                    rows, curve = run(changed, split, results, tools)
                    means[precision, seed] = pd.DataFrame(rows)[metrics].mean()
                    print(
                        f"{split.parent.name} {model:16} {precision} seed {seed}: train loss "
                        f"{curve.round(3).tolist()}  {means[precision, seed].round(3).to_dict()}",
                        flush=True,
                    )
            table = pd.DataFrame(means)
            chance = table["fp32"].max(axis=1) - table["fp32"].min(axis=1)
            result[f"{split.parent.name} {model}"] = {
                "bf16_minus_fp32": (table["bf16"] - table["fp32"]).mean(axis=1).round(3).to_dict(),
                "between_seeds": chance.round(3).to_dict(),
            }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
