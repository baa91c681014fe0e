"""Whether the demo's models beat every reference, on a cohort that nothing was tuned on.

    python benchmarks/picture.py [--seed 7] [--out DIR] [--lpips FILE] [--pictures DIR]
    python benchmarks/picture.py --results DIR [--pictures DIR]     # a study that has finished

Runs the demo's study with another seed, up to its tables, and prints for each model and reference
the medians of the patches (validation and test samples, whole mask and tissue only), the mean
faults of the slides and the CPU seconds of one training. Holes in bone, tissue painted as implant
and implant painted as tissue are counted in the true bone, tissue and implant of the cohort.

The last line is JSON. The best model is the one with the highest mean rank in SSIM, PSNR, LPIPS and
colour difference over subsets and regions (whole mask, tissue only). Each `lead_` is that model
less the best reference (oracles left out) where that is smallest over subsets and regions; positive
is better. `sharpness` is its smallest median there, `sharpness_bone` and `sharpness_soft` those of
bone and of soft tissue apart. `seam_ratio` and the fractions of faults are its largest mean over
the slides of a subset. `paired_` says the same of the paired CycleGAN. `clipped_tissue_fraction` is
the largest over samples and tissues. What was not measured is null.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from picture_panels import draw
from picture_slides import compared_slides, true_faults

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.patches import (
    HEADLINE_REGIONS,
    REGIONS,
    MetricColumn,
    read_metric_table,
    read_patches,
    read_slides,
)
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.evaluate.lead import COMPARED, best_model, smallest_leads
from virtual_staining.models.catalogue import in_order, model_name
from virtual_staining.models.references import REFERENCES

ROOT = Path(__file__).resolve().parents[1]
LEADS = {"ssim": "ssim", "psnr": "psnr_db", "lpips": "lpips", "de2000": "delta_e_2000"}
FAULTS = ("seam_ratio", "false_hole_fraction", "dark_tissue_fraction", "lost_implant_fraction")
PAIRED = "paired_cyclegan"
SLIDE = ["fold", "sample", "subset", "model"]


def run_study(study: Path, out: Path, seed: int, lpips: Path | None) -> None:
    """Run a study up to its tables, as the demo is run."""
    command = [sys.executable, "-m", "snakemake", "tables", "--profile", "profiles/demo"]
    command += ["--configfile", str(study), "--config", f"results={out}", f"seed={seed}"]
    given = {"LPIPS_BACKBONE": str(lpips)} if lpips else {}
    done = subprocess.run(command, cwd=ROOT, env=os.environ | given, stdout=sys.stderr, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def figures_of(
    model: str, table: pd.DataFrame, metrics: Sequence[MetricColumn], faults: pd.DataFrame
) -> dict[str, float]:
    """Return a model's smallest leads and its worst sharpness and faults.

    Parameters
    ----------
    model : str
    table : DataFrame
        Medians, from ``evaluate table``.
    metrics : sequence of MetricColumn
    faults : DataFrame
        One row a slide: ``subset``, ``model`` and the faults.
    """
    against = table[table["model"].isin([model, *REFERENCES])]
    leads = {lead.metric.column: lead.value for lead in smallest_leads(against, metrics)}
    medians, slides = (
        rows[rows["subset"].isin(COMPARED) & (rows["model"] == model)] for rows in (table, faults)
    )
    return {
        **{f"lead_{name}": leads.get(column, math.nan) for name, column in LEADS.items()},
        "sharpness": medians[medians["region"].isin(HEADLINE_REGIONS)]["sharpness_median"].min(),
        **{
            f"sharpness_{region}": medians[medians["region"] == region]["sharpness_median"].min()
            for region in ("bone", "soft")
        },
        **slides.groupby("subset")[list(FAULTS)].mean().max(),
    }


def clipped_tissue_fraction(results: Results) -> float:
    """Return the largest fraction of a sample's tissue that normalization clips in any channel."""
    stats = [read_json(path) for path in results.root.glob("03_normalize/*/stats.json")]
    tissues = [tissue for one in stats for tissue in one["slide"]["clipped_fraction"].values()]
    return max(tissue["any"] for tissue in tissues)


def train_cpu_s(results: Results, stain: str, model: str) -> float:
    """Return the CPU seconds of one training, mean over folds; NaN where none was recorded."""
    files = results.root.glob(f"benchmarks/06_train/{stain}/{model}/fold-*.tsv")
    seconds = [pd.read_csv(path, sep="\t")["cpu_time"].iloc[0] for path in files]
    return float(pd.Series(seconds, dtype=float).mean())


def show(
    table: pd.DataFrame, metrics: Sequence[MetricColumn], faults: pd.DataFrame, cpu_s: dict
) -> None:
    """Print a table for each subset and region: medians of patches, mean faults, CPU seconds."""
    compared = table[table["subset"].isin(COMPARED)]
    means = faults.groupby(["subset", "model"])[list(FAULTS)].mean()
    for (subset, region), rows in compared.groupby(["subset", "region"], sort=False):
        medians = rows.set_index("model")
        shown = pd.DataFrame(
            {
                metric.title: medians[f"{metric.column}_median"].round(metric.decimals + 1)
                for metric in metrics
            }
            | {"seams": means.loc[subset, "seam_ratio"].round(2)}
            | {"false holes": means.loc[subset, "false_hole_fraction"].round(4)}
            | {"dark tissue": means.loc[subset, "dark_tissue_fraction"].round(4)}
            | {"lost implant": means.loc[subset, "lost_implant_fraction"].round(4)}
            | {"CPU s": pd.Series(cpu_s).round(0)}
        ).loc[in_order(medians.index)]
        print(f"{SUBSETS[subset]}, {REGIONS[region]}")
        print(shown.rename(model_name).to_string(na_rep="—"), end="\n\n")


def report(results: Results, pictures: Path | None) -> dict:
    """Measure a finished study, print its tables and return the figures that have targets."""
    (path,) = results.root.glob("08_evaluate/*/table.csv")
    stain = path.parent.name
    folder = results.evaluation(stain)
    table, metrics = read_metric_table(folder.table.csv, ("region", "subset", "model"))
    patches, _ = read_patches(folder.patches.csv, stain)
    seams, _ = read_slides(folder.slides.csv, stain)
    models = in_order(set(table["model"]) - REFERENCES.keys())
    folds = sorted(set(patches["fold"]))
    slides = list(compared_slides(results, stain, models, folds))
    truth = [
        dict(zip(SLIDE, (slide.fold, slide.sample, slide.subset, name), strict=True)) | found
        for slide in slides
        for name, found in true_faults(slide).items()
    ]
    faults = pd.DataFrame(truth).merge(seams[[*SLIDE, "seam_ratio"]], on=SLIDE)
    if pictures:
        pictures.mkdir(parents=True, exist_ok=True)
        for slide in slides:
            draw(pictures, slide, patches, metrics, faults)
    cpu_s = {model: train_cpu_s(results, stain, model) for model in models}
    show(table, metrics, faults, cpu_s)
    best = best_model(table, [metric for metric in metrics if metric.column in LEADS.values()])
    print(f"best model: {model_name(best)}")
    paired = figures_of(PAIRED, table, metrics, faults)
    found = figures_of(best, table, metrics, faults)
    found |= {"clipped_tissue_fraction": clipped_tissue_fraction(results)}
    found |= {"train_cpu_s": cpu_s[best], "paired_train_cpu_s": cpu_s.get(PAIRED, math.nan)}
    found |= {f"paired_{name}": value for name, value in paired.items()}
    return {name: None if pd.isna(value) else round(value, 4) for name, value in found.items()}


def main() -> None:
    """Run the study, or take a finished one, and print tables and figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=7, help="seed of the cohort (default: 7)")
    parser.add_argument(
        "--study",
        type=Path,
        default=ROOT / "profiles/demo/study.yaml",
        help="changes to config.yaml (default: the demo's)",
    )
    parser.add_argument("--out", type=Path, help="results folder (default: a temporary one)")
    parser.add_argument("--results", type=Path, help="measure this finished study, run none")
    parser.add_argument(
        "--lpips", type=Path, help="squeezenet1_1 weights (default: the file LPIPS_BACKBONE names)"
    )
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each sample")
    args = parser.parse_args()
    study, lpips = (path and path.resolve() for path in (args.study, args.lpips))
    with tempfile.TemporaryDirectory() as temporary:
        folder = (args.results or args.out or Path(temporary, "results")).resolve()
        if not args.results:
            run_study(study, folder, args.seed, lpips)
        print(json.dumps(report(Results(folder), args.pictures)))


if __name__ == "__main__":
    main()
