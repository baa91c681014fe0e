"""How well the uncertainty of a finished study ranks errors, covers slides and knows strangers.

    python benchmarks/trust.py [results/demo]

Takes the stained slides of validation and test samples, whose inference averaged mirror images
(infer.flips), and compares the spread with two rivals: the spread between overlapping tiles, which
the first model stains anew, and the strength of the CT's edges. For the alarm on an unseen material
the training and calibration slides of one material at a time are left out of what the alarm knows;
the network has seen the material, so only the grey levels can raise it. A degraded scan has noise
of a third of the span from background to bone. The last line is JSON.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from scipy import stats

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.generator import load_generators
from virtual_staining.artefacts.pair import read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.evaluate.trust.assessment import assess, promise
from virtual_staining.evaluate.trust.novelty import unknown_level
from virtual_staining.evaluate.trust.study import Tools, held_out_slides, known_planes
from virtual_staining.imaging.grey_pairs import LEAST_UNKNOWN, GreyPairs
from virtual_staining.models.catalogue import in_order
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.tiling import TilingSettings

CPU = torch.device("cpu")


def read_plane(results, sample):
    """CT, mask and pixel size of one sample."""
    pair = read_training_pair(results, sample)
    return pair.ct, pair.mask, pixel_size_um(results.normalized(sample).slide)


def tile_spread_correlation(results, stain, model, number, slides):
    """Mean rank correlation of the error with the spread between tiles at half a tile."""
    generators = load_generators(results.trained(stain, model, number).generator, CPU)
    patch_px = generators.settings.patch_px
    tiling = TilingSettings(patch_px=patch_px, step_px=patch_px // 2)
    values = []
    for one in slides:
        ct, mask, _ = read_plane(results, one.sample)
        spread = generators.slide_from_ct(ct, tiling)[1][mask]
        spread = spread[:: max(len(spread) // len(one.slide.error), 1)][: len(one.slide.error)]
        values.append(stats.spearmanr(one.slide.error, spread).statistic)
    return float(np.nanmean(values))


def alarms(results, fold, known_samples, calibration, asked, noise=0.0):
    """Part of some slides whose grey levels raise the alarm, against what other slides show."""
    rng, known = np.random.default_rng(0), GreyPairs()
    for sample in known_samples:
        known.add(*read_plane(results, sample))
    fractions = [known.unknown_fraction(*read_plane(results, s)) for s in calibration]
    level, raised = unknown_level(fractions, LEAST_UNKNOWN), []
    for sample in asked:
        ct, mask, pixel_um = read_plane(results, sample)
        noisy = np.clip(ct + rng.normal(0, noise, ct.shape), 0, 65535) if noise else ct
        raised.append(known.unknown_fraction(noisy, mask, pixel_um) > level)
    return raised


def left_out(results, fold):
    """Alarms of each material's held-out slides, where all that is known leaves it out."""
    raised = []
    for material in sorted(set(fold.material.values())):

        def others(samples, material=material):
            return [sample for sample in samples if fold.material[sample] != material]

        held = [*fold.validation, *fold.test]
        asked = [sample for sample in held if fold.material[sample] == material]
        if others(fold.validation):
            found = alarms(results, fold, others(fold.train), others(fold.validation), asked)
            print(f"{material} left out: {sum(found)} of {len(found)} slides raise the alarm")
            raised += found
    return raised


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, nargs="?", default=Path("results/demo"))
    args = parser.parse_args()
    set_up_processor(1)
    results = Results(args.results)
    folders = sorted(args.results.glob("07_infer/*/*/fold-*"))
    if not folders:
        raise SystemExit(f"{args.results}: holds no stained slides; run the demo first (make demo)")
    stain = folders[0].parent.parent.name
    folders = [folder for folder in folders if folder.parent.parent.name == stain]
    numbers = sorted({int(folder.name.split("-")[1]) for folder in folders})
    path = results.split(stain).folds
    folds = [(number, read_fold(path, number)) for number in numbers]
    normalize = NormalizeSettings()
    known = known_planes(results, [fold for _, fold in folds])
    tools, settings = Tools(MaskSettings(), normalize, known), EvaluateSettings()
    found = {}
    for model in in_order({folder.parent.name for folder in folders}):
        slides = list(held_out_slides(results, folds, model, tools))
        rows, calibrations = assess(slides, settings)
        print(f"{model}: {promise(calibrations, settings)}")
        print(rows.round(2).to_string(index=False), end="\n\n")
        covered, calm = rows["coverage"] >= 1 - settings.alpha, rows["alarm"].eq("")
        found[model] = {
            "spearman_uncertainty": round(rows["spearman"].mean(), 3),
            "spearman_tile_spread": round(
                tile_spread_correlation(results, stain, model, numbers[0], slides), 3
            ),
            "spearman_ct_edge": round(rows["spearman_ct_edge"].mean(), 3),
            "spearman_without_alarm": round(rows.loc[calm, "spearman"].mean(), 3),
            "slides": len(rows),
            "slides_covered": int(covered.sum()),
            "slides_without_alarm": int(calm.sum()),
            "covered_without_alarm": int(covered[calm].sum()),
            "width_without_alarm": round(rows.loc[calm, "width"].mean(), 1),
            "constant_width_without_alarm": round(rows.loc[calm, "width_constant"].mean(), 1),
            "alarm_seen": round(float((~calm).mean()), 3),
        }
    fold = folds[0][1]
    unseen = left_out(results, fold)
    span = normalize.bone_mean - normalize.background_mean
    held = [*fold.validation, *fold.test]
    degraded = alarms(results, fold, fold.train, fold.validation, held, span / 3)
    summary = {
        **next(iter(found.values())),
        "alarm_unseen_material": round(float(np.mean(unseen)), 3),
        "alarm_degraded": round(float(np.mean(degraded)), 3),
        "models": found,
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
