"""Levels, masks, tissue classes and stained specimens on cohort volumes with known truth.

    python benchmarks/regions.py [--seed N] [--cases NAME ...] [--bone FOLDER] [--keep FOLDER]

Each of some 55 volumes (materials, physical greys at 25 to 45 keV, tubes, cropped fields, circles,
resin, water, wet marrow, little and much bone, pieces, sections with holes; voxels of 20 to 40 µm)
goes through the workflow's own commands: ingest, normalize and mask of its sections, and what
staining does with the volume: levels, outline of the specimen, and the air that it leaves clear. A
level is right within 3 % of the span from background to bone. A case is silently wrong if a level
is not right or a region keeps less than 95 % of implant or 85 % of bone, holds more than 5 %
foreign matter or has a dice below 0.85, and no warning or refusal was given. A warning is needless
if everything is right. --bone names the folder of the real bone volume; without it the case is left
out. --keep keeps the drawn cases for further runs. The last line is JSON.
"""

import argparse
import json
import pickle
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
from regions_bone import bone_case
from regions_cases import Case, make_case
from regions_run import run_case
from regions_scores import Scores, score
from regions_specs import SPECS


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, help="of the specimens (default: drawn and printed)")
    parser.add_argument("--cases", nargs="*", help="names or beginnings of names; all by default")
    parser.add_argument("--bone", type=Path, default=Path("../shared/data/trabecular-bone-lhdl"))
    parser.add_argument("--keep", type=Path, help="folder for drawn cases")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else int(np.random.SeedSequence().entropy % 2**31)
    print(f"seed {seed}")
    specs = [spec for spec in SPECS if not args.cases or spec.name.startswith(tuple(args.cases))]
    start, scores = time.process_time(), []
    for spec in specs:
        case = kept(args.keep, seed, spec)
        scores.append(shown(case))
    if args.bone.is_dir() and (not args.cases or "real" in args.cases):
        scores += [shown(case) for case in bone_case(args.bone, seed)]
    print(f"{time.process_time() - start:.0f} s of a processor")
    print(json.dumps(summary(scores)))


def kept(folder: Path | None, seed: int, spec) -> Case:
    """Draw a case, or read it from an earlier run."""
    own = (seed, zlib.crc32(spec.name.encode()))
    path = folder and folder / f"{seed}-{spec.name}.pickle"
    if path and path.exists():
        return pickle.loads(path.read_bytes())
    case = make_case(spec, own)
    if path:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(case))
    return case


def shown(case: Case) -> Scores:
    """Score a case and print its row."""
    with tempfile.TemporaryDirectory() as folder:
        got = score(case, run_case(case, Path(folder)))
    worst = max(got.errors.items(), key=lambda item: abs(item[1]), default=("-", float("nan")))
    verdict = "SILENT" if got.silently_wrong else "needless" if got.needless else ""
    asked = "asked" if got.refused else ""
    dice = " ".join(f"{name} {min(values):.3f}" for name, values in got.dice.items())
    mask = f"{min(got.mask_dice):.3f}" if got.mask_dice else "-"
    print(
        f"{got.name:18} {worst[0]:16} {worst[1]:+7.3f} mask {mask} {dice:38} {asked} {verdict}",
        flush=True,
    )
    for sentence in got.faults + [f"said: {words}" for words in got.said]:
        print(f"{'':18}   {sentence[-200:]}")
    return got


def summary(scores: list[Scores]) -> dict:
    """The figures over all cases."""

    def least(name):
        return min((v for got in scores for v in got.dice.get(name, [])), default=None)

    soft = [v for got in scores for v in got.dice.get("soft", [])]
    masks = [v for got in scores for v in got.mask_dice]
    return {
        "volumes": len(scores),
        "levels_right": round(float(np.mean([got.levels_right for got in scores])), 3),
        "asked": sum(got.refused for got in scores),
        "silently_wrong": sum(got.silently_wrong for got in scores),
        "dice_bone_min": least("bone"),
        "dice_implant_min": least("implant"),
        "dice_soft_median": float(np.median(soft)) if soft else None,
        "mask_dice_min": min(masks, default=None),
        "needless_warnings": sum(got.needless for got in scores),
    }


if __name__ == "__main__":
    main()
