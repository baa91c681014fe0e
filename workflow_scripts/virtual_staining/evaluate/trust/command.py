"""``evaluate trust``: the uncertainty of stained slides, calibrated on held-out slides."""

import argparse

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from virtual_staining.artefacts.folds import SUBSETS, read_fold
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.evaluate.trust.assessment import assess, promise, uncertainty_image
from virtual_staining.evaluate.trust.layout import markdown
from virtual_staining.evaluate.trust.study import Tools, held_out_slides, known_planes
from virtual_staining.imaging.pictures import draw_doubt
from virtual_staining.models.catalogue import model_name
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.evaluate import EvaluateSettings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

DPI = 100


def add_arguments(actions: argparse._SubParsersAction) -> None:
    """Add ``trust`` to the stage's actions."""
    trust = actions.add_parser(
        "trust",
        help="calibrate the uncertainty of stained slides",
        description="Calibrate the spread of stainings (mirror images, folds) on validation slides "
        "to an error that holds on most slides, check it on every held-out slide, and say which "
        "slides are unlike those that were trained on.",
    )
    trust.add_argument("--results", required=True, type=Results, help="results folder of the study")
    trust.add_argument("--stain", required=True, help="stain of the slides")
    trust.add_argument("--models", required=True, nargs="+", help="models to measure")
    trust.add_argument("--folds", required=True, nargs="+", type=int, help="folds to gather")
    trust.add_argument("--settings", required=True, help=EvaluateSettings.argument_help())
    trust.add_argument("--mask", required=True, help=MaskSettings.argument_help())
    trust.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())
    trust.set_defaults(action_run=run)


def quality_figure(
    slide: np.ndarray, uncertainty: np.ndarray, pixel_um: float, title: str
) -> Figure:
    """Draw one stained slide with its most doubtful tenth hatched, beside its uncertainty.

    Parameters
    ----------
    slide : ndarray of uint8, shape (y, x, 3)
    uncertainty : ndarray of uint8, shape (y, x)
        Grey levels, 0 outside the mask.
    pixel_um : float
        Pixel size, µm.
    title : str
    """
    figure = Figure(figsize=(12, 5.6), layout="constrained")
    panels = figure.subplots(1, 2)
    draw_doubt(panels, slide, uncertainty, pixel_um)
    panels[0].set_title("most doubtful tenth hatched")
    panels[1].set_title("uncertainty")
    figure.suptitle(title, fontsize=11)
    return figure


def run(args: argparse.Namespace) -> None:
    """Write the checks of every held-out slide and the images of its uncertainty."""
    settings = read_settings(EvaluateSettings, args.settings).part("trust")
    path = args.results.split(args.stain).folds
    folds = [(number, read_fold(path, number)) for number in args.folds]
    known = known_planes(args.results, [fold for _, fold in folds])
    mask = read_settings(MaskSettings, args.mask)
    tools = Tools(mask, read_settings(NormalizeSettings, args.normalize), known)
    folder, tables, promises = args.results.evaluation(args.stain), [], {}
    with replacing(folder.uncertainty_images) as temporary:
        temporary.mkdir()
        for model in args.models:
            slides = list(held_out_slides(args.results, folds, model, tools))
            rows, calibrations = assess(slides, settings)
            rows.insert(0, "stain", args.stain)
            rows.insert(1, "model", model)
            tables.append(rows)
            promises[model] = promise(calibrations, settings)
            (temporary / model).mkdir()
            for one, alarm in zip(slides, rows["alarm"], strict=True):
                image = uncertainty_image(one, calibrations.of(alarm))
                stem = temporary / model / one.sample
                write_image(stem.with_suffix(".tif"), image, one.pixel_um)
                stained = args.results.stained(args.stain, model, one.fold).sample(one.sample).slide
                slide = read_stained_image(stained, image.shape)
                title = f"{model_name(model)}, fold {one.fold}: {SUBSETS[one.subset]} {one.sample}"
                title += f" (alarm: {alarm})" if alarm else ""
                figure = quality_figure(slide, image, one.pixel_um, title)
                figure.savefig(stem.with_suffix(".png"), dpi=DPI)
    table = pd.concat(tables, ignore_index=True)
    for target, text in (
        (folder.uncertainty, table.to_csv(index=False)),
        (folder.uncertainty_markdown, markdown(args.stain, table, promises)),
    ):
        with replacing(target) as temporary:
            temporary.write_text(text, encoding="utf-8")
