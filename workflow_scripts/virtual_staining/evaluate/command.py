"""``python -m virtual_staining evaluate``: find LPIPS' weights, measure patches, make tables."""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folds import SUBSETS, read_fold
from virtual_staining.artefacts.pair import background_levels, load_pair
from virtual_staining.artefacts.patches import (
    KEYS,
    in_metric_order,
    read_metric_table,
    read_patches,
    write_metric_table,
)
from virtual_staining.artefacts.storage.atomic import read_json, replacing, write_json
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.errors import InputError
from virtual_staining.evaluate import layout
from virtual_staining.evaluate.metric import find_needs, load_metrics
from virtual_staining.evaluate.patch_metrics import measure
from virtual_staining.evaluate.table import summarize
from virtual_staining.imaging.intensity import ct_to_display, ct_window
from virtual_staining.models.references import RAW_CT
from virtual_staining.runtime import set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.evaluate import EvaluateSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``backbone``, ``patches``, ``table`` and ``show``."""
    actions = parser.add_subparsers(dest="action", required=True)

    backbone = actions.add_parser("backbone", help="find LPIPS' weights, or say what to set")
    backbone.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    backbone.add_argument("--out", required=True, type=Path, help="JSON file to write")
    backbone.set_defaults(action_run=run_backbone)

    patches = actions.add_parser("patches", help="measure one model of one fold")
    source = patches.add_mutually_exclusive_group(required=True)
    source.add_argument("--infer-dir", type=Path, help="folder with {sample}/slide.tif")
    source.add_argument("--baseline", action="store_true", help="measure the grey CT itself")
    patches.add_argument("--model", required=True, help="model id, for the rows")
    patches.add_argument("--stain", required=True, help="stain; must be that of --folds")
    patches.add_argument("--fold", required=True, type=int)
    patches.add_argument("--folds", required=True, type=Path, help="folds.json")
    patches.add_argument("--normalize-dir", required=True, type=Path)
    patches.add_argument("--mask-dir", required=True, type=Path)
    patches.add_argument("--lpips", required=True, type=Path, help="what `backbone` wrote")
    patches.add_argument("--ct-white", type=float, default=50000, help="CT grey level of white")
    patches.add_argument("--threads", type=int, default=1)
    patches.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    patches.add_argument("--out", required=True, type=Path, help="CSV file to write")
    patches.set_defaults(action_run=run_patches)

    table = actions.add_parser("table", help="gather patches and tabulate medians")
    table.add_argument("--patches", required=True, nargs="+", type=Path, help="CSV of each fold")
    table.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    table.add_argument("--out-dir", required=True, type=Path)
    table.set_defaults(action_run=run_table)

    show = actions.add_parser("show", help="print tables")
    show.add_argument("--table", required=True, nargs="+", type=Path, help="table.csv")
    show.set_defaults(action_run=run_show)


def run(args: argparse.Namespace) -> None:
    """Run the action asked for."""
    args.action_run(args)


def run_backbone(args: argparse.Namespace) -> None:
    """Write which metrics are measured, and with what."""
    records = find_needs(read_settings(EvaluateSettings, args.settings).part("backbone"))
    for metric, record in records.items():
        done = "measured" if record["measured"] else "not measured"
        log.info("%s: %s: %s", metric, done, record["reason"])
    write_json(args.out, records)


def run_patches(args: argparse.Namespace) -> None:
    """Measure one model (or the grey CT) on all samples of one fold."""
    settings = read_settings(EvaluateSettings, args.settings).part("patches")
    set_up_processor(args.threads)
    fold, folds = read_fold(args.folds, args.fold), read_json(args.folds)
    if folds.get("stain") != args.stain:
        raise InputError(f"{args.folds}: stain: {folds.get('stain')!r} is not {args.stain!r}")
    metrics = load_metrics(read_json(args.lpips))
    rows = []
    for subset in SUBSETS:
        samples = getattr(fold, subset)
        for sample in samples:
            found = _measure_sample(args, sample, settings, metrics)
            if not found:
                log.warning("%s: the mask covers no patch well enough; left out", sample)
            values = (args.stain, args.model, args.fold, sample)
            values += (folds.get("material", {}).get(sample, ""), subset)
            rows += [dict(zip(KEYS, values, strict=True)) | row for row in found]
        log.info("%s: %d samples measured", subset, len(samples))
    if not rows:
        raise InputError(
            f"{args.mask_dir}: no patch of {settings.patch_px} px overlaps a mask by "
            f"{settings.min_overlap:.0%}; lower evaluate.patch_px or evaluate.min_overlap"
        )
    write_metric_table(args.out, pd.DataFrame(rows), metrics)


def _measure_sample(
    args: argparse.Namespace, sample: str, settings: EvaluateSettings, metrics: dict
) -> list[dict]:
    pair = load_pair(sample, args.normalize_dir, args.mask_dir)
    _, background = background_levels(args.normalize_dir / sample / "stats.json")
    if args.baseline:
        grey = ct_to_display(pair.ct, ct_window(args.ct_white))
        generated = np.repeat(grey[..., None], 3, axis=-1)
    else:
        generated = read_image(args.infer_dir / sample / "slide.tif")
    try:
        return measure(pair.slide, generated, pair.mask, background, settings, metrics)
    except ValueError as error:
        raise InputError(f"{args.infer_dir or args.normalize_dir}/{sample}: {error}") from error


def run_table(args: argparse.Namespace) -> None:
    """Gather all patches of a stain and write the table in three forms."""
    settings = read_settings(EvaluateSettings, args.settings).part("table")
    tables, metrics = zip(*map(read_patches, args.patches), strict=True)
    patches = pd.concat(tables, ignore_index=True)
    metrics = in_metric_order(metric for of_fold in metrics for metric in of_fold)
    stains = patches["stain"].unique()
    if len(stains) != 1:
        raise InputError(f"{args.patches[0]}: stain: expected one, found {', '.join(stains)}")
    if RAW_CT not in set(patches["model"]):
        log.warning("no rows of the raw-CT baseline")
    table = summarize(patches, metrics, settings)
    write_metric_table(args.out_dir / "patches.csv", patches, metrics)
    write_metric_table(args.out_dir / "table.csv", table, metrics)
    for name, text in (
        ("table.md", layout.markdown(table, metrics)),
        ("table.tex", layout.latex(table, metrics)),
    ):
        with replacing(args.out_dir / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print(layout.plain(table, metrics))


def run_show(args: argparse.Namespace) -> None:
    """Print tables to the terminal."""
    for path in args.table:
        print(layout.plain(*read_metric_table(path, ("stain", "subset", "model"))))
