"""Why Pix2Pix or the paired CycleGAN leads: aligned pairs, the pixel loss's weight, the steps.

    python benchmarks/alignment.py results/demo --study profiles/demo/study.yaml [--lpips FILE]

Trains both models on the folds of a finished study as its settings say, on slides warped smoothly
by ``--rms-px`` pixels as a section's distortion would leave them, Pix2Pix with the other's pixel
weight, and the paired CycleGAN with twice the steps. Validation slides are stained and compared as
they are. Prints means over the validation patches of all folds; the last line is JSON.
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from checkpoints import CPU, columns_of, measured, study_tools
from scipy.ndimage import gaussian_filter, map_coordinates

from virtual_staining.artefacts.folders import TrainedFolder
from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.train import TrainSettings
from virtual_staining.train.checkpoint import ResumeFolder
from virtual_staining.train.loop import train

SMOOTH_PX = 12  # of the warp: its features are a few times as wide
VARIANTS = ("as it is", "warped", "pixel weight", "twice the steps")


def warped(slide, rms_px, rng):
    """Move a slide's pixels (y, x, 3) smoothly by so much, root mean square."""
    shape = slide.shape[:2]
    moves = [gaussian_filter(rng.standard_normal(shape), SMOOTH_PX) for _ in "yx"]
    scale = rms_px / np.sqrt(sum(np.mean(move**2) for move in moves))
    places = np.indices(shape) + scale * np.stack(moves)
    channels = [map_coordinates(slide[..., c], places, order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, -1)


def settings_for(variant, results, model):
    """The study's settings of one model with the variant's change, or None where it has none."""
    settings = read_settings(TrainSettings, results.train_settings(model))
    if variant == "pixel weight":
        weighed = settings.model_copy(update={"lambda_l1": settings.lambda_px})
        return weighed if model == "pix2pix" else None
    if variant == "twice the steps":
        decay = settings.decay_from_epoch and 2 * settings.decay_from_epoch
        longer = settings.model_copy(
            update={"epochs": 2 * settings.epochs, "decay_from_epoch": decay}
        )
        return longer if model != "pix2pix" else None
    return settings


def trained(settings, fold, results, rms_px, out):
    """Train on a fold's pairs, their slides warped; return the generator's file."""
    pairs = {name: read_training_pair(results, name) for name in (*fold.train, *fold.validation)}
    if rms_px:
        for seed, (name, pair) in enumerate(pairs.items()):
            rng = np.random.default_rng(seed)
            pairs[name] = replace(pair, slide=warped(pair.slide, rms_px, rng))
    out.mkdir(parents=True)
    chosen = ([pairs[name] for name in names] for names in (fold.train, fold.validation))
    resume = ResumeFolder(out / "resume", {})
    train(settings, *chosen, resume, TrainedFolder(out), CPU, stop_requested=lambda: False)
    return out / "generator.pt"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results folder of a study")
    parser.add_argument("--study", type=Path, help="its changes to config.yaml")
    parser.add_argument("--lpips", type=Path, help="squeezenet1_1 weights; left out: no LPIPS")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=VARIANTS)
    parser.add_argument("--rms-px", type=float, default=3.0, help="of the warp (default: 3)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    args = parser.parse_args()
    set_up_processor(args.threads)
    tools = study_tools(args.study, args.lpips)
    metrics = list(columns_of(tools))
    results = Results(args.results)
    result = {}
    for split in sorted(args.results.glob("05_split/*/folds.json")):
        for variant in args.variants:
            for model in ("pix2pix", "paired_cyclegan"):
                own = settings_for(variant, results, model)
                if own is None:
                    continue
                rows = []
                for number in range(1, len(read_json(split)["folds"]) + 1):
                    fold = read_fold(split, number)
                    rms_px = args.rms_px if variant == "warped" else 0
                    with tempfile.TemporaryDirectory() as work:
                        file = trained(own, fold, results, rms_px, Path(work, "fold"))
                        rows += measured(file, fold.validation, results, *tools)
                means = pd.DataFrame(rows)[metrics].mean().round(3).to_dict()
                print(f"{split.parent.name} {variant:16} {model:16} {means}", flush=True)
                result[f"{split.parent.name} {variant} {model}"] = means
    print(json.dumps(result))


if __name__ == "__main__":
    main()
