"""Fourier ring correlation of real slide, CT and stained slides (paper S3)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from virtual_staining.artefacts.folds import SUBSETS
from virtual_staining.artefacts.pair import read_tissue, read_training_pair
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.stained_slide import read_stained_image
from virtual_staining.artefacts.storage.image import pixel_size_um
from virtual_staining.figures.style import MODEL_COLORS
from virtual_staining.imaging.resolution import THRESHOLD, cutoff, slide_curves
from virtual_staining.imaging.tile_starts import covered_windows
from virtual_staining.imaging.tissue.classes import stained_tissue
from virtual_staining.models.catalogue import in_order, model_name
from virtual_staining.settings.evaluate import EvaluateSettings

Curve = tuple[np.ndarray, np.ndarray]
REAL_COLOR, CT_COLOR = "black", "0.55"
MARKERS = {"validation": "o", "test": "^"}


@dataclass(frozen=True)
class SlideCurves:
    """Curves of one sample.

    Parameters
    ----------
    title : str
    pixel_um : float
        Pixel size, µm.
    real, ct : (frequency, correlation)
        Of single images, frequency in cycles per pixel; None without tissue.
    generated, pair : mapping
        Model to the curve of its single stained slide, and of real against stained slide.
    """

    title: str
    pixel_um: float
    real: Curve | None
    ct: Curve | None
    generated: Mapping[str, Curve]
    pair: Mapping[str, Curve]


def read_curves(
    results: Results,
    stain: str,
    fold: int,
    subset: str,
    sample: str,
    models: list[str],
    settings: EvaluateSettings,
) -> SlideCurves:
    """Correlate one sample's images on the patches of tissue that the evaluation compares.

    Raises
    ------
    InputError
        If an image is missing or damaged.
    """
    pair = read_training_pair(results, sample)
    tissue = stained_tissue(read_tissue(results, pair))
    how = settings.patch_px, settings.step_px, settings.min_overlap
    windows = covered_windows(tissue, *how)
    found = {}
    for model in models if windows else []:
        path = results.stained(stain, model, fold).sample(sample).slide
        images = pair.slide, read_stained_image(path, pair.mask.shape), pair.ct
        found[model] = slide_curves(*(np.array([i[w] for w in windows]) for i in images))
    found = {model: curves for model, curves in found.items() if curves}
    first = next(iter(found.values()), {})
    return SlideCurves(
        f"{SUBSETS[subset]} {sample}",
        pixel_size_um(results.normalized(sample).slide),
        first.get("real"),
        first.get("ct"),
        {model: curves["generated"] for model, curves in found.items()},
        {model: curves["pair"] for model, curves in found.items()},
    )


def draw_resolution(examples: list[SlideCurves], slides: pd.DataFrame) -> Figure:
    """Draw the curves of some slides, and the resolutions of all held-out slides.

    Parameters
    ----------
    examples : list of SlideCurves
        A row of panels each: single images, and real against stained slide.
    slides : DataFrame
        One row a slide: ``model``, ``subset``, ``sample`` and the columns of
        :data:`virtual_staining.imaging.resolution.COLUMNS`.
    """
    figure = Figure(figsize=(11, 2.7 * len(examples) + 0.4), layout="constrained")
    grid = figure.add_gridspec(len(examples), 3, width_ratios=(1, 1, 1.15))
    colors = dict(zip(in_order(examples[0].generated), MODEL_COLORS, strict=False))
    for row, example in enumerate(examples):
        single, paired = (figure.add_subplot(grid[row, column]) for column in (0, 1))
        lines = [("real slide", example.real, REAL_COLOR), ("CT", example.ct, CT_COLOR)]
        lines += [(model_name(m), example.generated.get(m), colors[m]) for m in colors]
        _curves(single, lines, example.pixel_um, f"{example.title}: single images")
        lines = [(model_name(m), example.pair.get(m), colors[m]) for m in colors]
        _curves(paired, lines, example.pixel_um, "real against stained slide")
    _all_slides(figure.add_subplot(grid[:, 2]), slides, colors)
    return figure


def _curves(
    axes: Axes, lines: list[tuple[str, Curve | None, str]], pixel_um: float, title: str
) -> None:
    """Draw curves with their cut-offs."""
    for name, curve, color in lines:
        if curve is None:
            continue
        found = cutoff(*curve)
        period = f"{pixel_um / found:.0f} µm" if np.isfinite(found) else "no cut-off"
        per_mm = 1000 * curve[0] / pixel_um
        axes.plot(per_mm, curve[1], color=color, lw=1.1, label=f"{name}: {period}")
        if np.isfinite(found):
            axes.plot(1000 * found / pixel_um, THRESHOLD, "o", color=color, ms=4)
    axes.axhline(THRESHOLD, color="0.3", lw=0.8, ls=(0, (5, 3)))
    axes.set_title(title, weight="bold")
    axes.set(xlabel="spatial frequency (1/mm)", ylabel="correlation of rings", ylim=(-0.1, 1.02))
    axes.set_xlim(0, None)
    axes.legend(fontsize=6.5, loc="lower left", bbox_to_anchor=(0, 0.25))


def _all_slides(axes: Axes, slides: pd.DataFrame, colors: Mapping[str, str]) -> None:
    """Draw the resolution of every held-out slide, in a column for each kind of image."""
    held = slides[slides["subset"].isin(MARKERS) & slides["model"].isin(colors)]
    kinds = [("real\nslide", "real", REAL_COLOR, None), ("CT", "ct", CT_COLOR, None)]
    kinds += [(f"{model_name(m)}", "generated", color, m) for m, color in colors.items()]
    kinds += [(f"shared:\n{model_name(m)}", "pair", color, m) for m, color in colors.items()]
    for place, (_, image, color, model) in enumerate(kinds):
        rows = held[held["model"] == model] if model else held.drop_duplicates("sample")
        for subset, marker in MARKERS.items():
            values = rows.loc[rows["subset"] == subset, f"resolution_{image}_um"].to_numpy(float)
            shift = (
                np.linspace(-0.15, 0.15, len(values)) if len(values) > 1 else np.zeros(len(values))
            )
            axes.plot(place + shift, values, marker, color=color, ms=4, mfc="none")
    for subset, marker in MARKERS.items():
        axes.plot([], [], marker, color="0.2", ms=4, mfc="none", label=SUBSETS[subset].lower())
    axes.set_xticks(range(len(kinds)), [name for name, *_ in kinds], rotation=40, ha="right")
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    axes.set_ylim(0, None)
    axes.grid(axis="y", color="0.9", lw=0.6)
    axes.set_title("all held-out slides (no mark: no cut-off)", weight="bold")
    axes.set_ylabel("resolution (µm)")
    axes.legend(fontsize=6.5, loc="upper left")
