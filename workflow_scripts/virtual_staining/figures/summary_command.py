"""``figures summary``: the first page of a study's report."""

import argparse
import logging

import pandas as pd

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.patches import (
    read_metric_table,
    read_patches,
    read_rows,
    read_slides,
)
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.figures.summary import Study, summary_page

log = logging.getLogger(__name__)

# Captions of the figures that may be shown, the most telling first; three are taken.
PICTURES = {
    "models": "Real slides and those of each model, on validation and test samples (paper Fig. 6)",
    "uncertainty": "Uncertainty on each held-out slide, and where one slide is doubtful",
    "agreement": "Structures on stained less those on real slides (Bland and Altman)",
    "boxplots": "Distribution of each metric over all patches (paper Fig. 7)",
    "slides": "Slides of the first model with regions, histograms and profiles (paper Fig. 5)",
}
SHOWN = 3
FURTHER = ("checkpoints", "agreement", "volumes", "uncertainty")
TABLE_KEYS = ("stain", "region", "subset", "model")


def add_arguments(actions: argparse._SubParsersAction) -> None:
    """Add ``summary`` to the stage's actions."""
    summary = actions.add_parser(
        "summary",
        help="the first page of the report",
        description="Write one page that needs no other file: what ran, on what, how sure the "
        "results are, what to distrust, three pictures, and tables that can be sorted.",
    )
    summary.add_argument("--results", required=True, type=Results, help="results folder")
    summary.add_argument("--stain", required=True, help="stain of the slides")
    summary.add_argument("--folds", required=True, nargs="+", type=int, help="folds that ran")
    summary.add_argument(
        "--figures", required=True, nargs="+", help="figures that were drawn, to choose from"
    )
    summary.add_argument(
        "--tables",
        nargs="*",
        default=[],
        choices=FURTHER,
        help="further tables that the run made",
    )
    summary.add_argument(
        "--promised", type=float, default=0.9, help="part of the pixels that should be covered"
    )
    summary.add_argument(
        "--whole-planes", action="store_true", help="slides were stained whole, without tiles"
    )
    summary.add_argument(
        "--texture", action="store_true", help="stained slides show a texture made of noise"
    )


def run(args: argparse.Namespace) -> None:
    """Write the page."""
    folder, results = args.results.evaluation(args.stain), args.results
    patches, metrics = read_patches(folder.patches.csv, args.stain)
    table, _ = read_metric_table(folder.table.csv, TABLE_KEYS)
    slides, _ = read_slides(folder.slides.csv, args.stain)
    further = {
        "checkpoints": ("Kept weights on validation slides", folder.checkpoints.csv),
        "agreement": ("Agreement of structures", folder.agreement),
        "volumes": ("Structures of stained volumes", folder.volumes),
        "uncertainty": ("Uncertainty of held-out slides", folder.uncertainty),
    }
    more = {"Medians of all regions": table, "Models compared": read_rows(folder.statistics)}
    more |= {further[name][0]: read_rows(further[name][1]) for name in args.tables}
    more["Faults of whole slides"] = slides
    study = Study(
        args.stain,
        read_fold(results.split(args.stain).folds, args.folds[0]),
        len(args.folds),
        patches,
        table,
        slides,
        metrics,
        _uncertainty(args, more),
        args.promised,
        more,
        tiled=not args.whole_planes,
        textured=args.texture,
    )
    chosen = [name for name in PICTURES if name in args.figures][:SHOWN]
    pictures = {PICTURES[name]: results.figure(args.stain, name) for name in chosen}
    target = results.summary(args.stain)
    with replacing(target) as temporary:
        temporary.write_text(summary_page(study, pictures), encoding="utf-8")
    log.info("written: %s", target)


def _uncertainty(args: argparse.Namespace, more: dict[str, pd.DataFrame]) -> pd.DataFrame | None:
    return more["Uncertainty of held-out slides"] if "uncertainty" in args.tables else None
