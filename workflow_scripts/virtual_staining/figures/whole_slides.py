"""Whole slides, real and generated, with a region of interest (paper Figures 5 and 6)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from virtual_staining.figures.examples import Example
from virtual_staining.figures.style import ACCENT, CHANNELS, panel, roi_box, row_label
from virtual_staining.imaging.new_bone import arrow_tips, draw_arrows
from virtual_staining.imaging.pictures import draw_scale_bar
from virtual_staining.models.catalogue import in_order, model_name

PANEL_IN = 1.75
LABEL_IN = 0.45
PLOTS_IN = 2.3
GAP_IN = 0.3


def draw_slides(examples: list[Example], model: str, bar_um: float) -> Figure:
    """Draw each sample's real and generated images, region of interest, histograms and profile.

    Arrows point to new bone by the CT's grey level, where the region of interest shows some.

    Parameters
    ----------
    examples : list of Example
        Two rows of panels each.
    model : str
        The model to show.
    bar_um : float
        Scale bar, µm.
    """
    columns = ["CT", "Generated slide", "Slide"]
    columns += ["Generated CT"] if any(model in one.reverse for one in examples) else []
    figure, outer = _frame(examples, len(columns) * PANEL_IN + GAP_IN + PLOTS_IN, GAP_IN)
    for number, (example, cell) in enumerate(zip(examples, outer, strict=True)):
        ratios = [PANEL_IN] * len(columns) + [GAP_IN, PLOTS_IN]
        inner = cell.subgridspec(
            2, len(ratios), width_ratios=ratios, height_ratios=_heights(example), wspace=0.06,
            hspace=0.06,
        )  # fmt: skip
        images = [
            example.ct, example.stained[model], example.slide, example.reverse.get(model)
        ]  # fmt: skip
        tips = arrow_tips(example.crop(example.new_bone), example.pixel_um)
        for column, (title, image) in enumerate(zip(columns, images, strict=False)):
            shown = title if number == 0 and image is not None else ""
            zoom = _pair(figure, inner, column, example, image, bar_um, shown)
            if title != "Generated CT":
                size = example.roi_px, example.roi_px
                draw_arrows(zoom, tips, size, "white" if title == "CT" else "black")
            if image is not None and image.ndim == 3:
                zoom.axhline(example.roi_px // 2, color=ACCENT, lw=0.9, dashes=(5, 3))
        plots = inner[:, -1].subgridspec(5, 1, height_ratios=[1, 1, 0.5, 1.6, 0.25], hspace=0.15)
        _histograms(figure, plots, example, model)
        _profile(figure.add_subplot(plots[3]), example, model)
    return figure


def draw_models(examples: list[Example], bar_um: float) -> Figure:
    """Draw the slides that the models generate beside the real pair (paper Figure 6).

    Parameters
    ----------
    examples : list of Example
        Two rows of panels each; all hold the same models.
    bar_um : float
        Scale bar, µm.
    """
    models = in_order(examples[0].stained)
    columns = ["CT", "Slide", *map(model_name, models)]
    figure, outer = _frame(examples, len(columns) * PANEL_IN)
    for number, (example, cell) in enumerate(zip(examples, outer, strict=True)):
        inner = cell.subgridspec(
            2, len(columns), height_ratios=_heights(example), wspace=0.06, hspace=0.06
        )
        images = [example.ct, example.slide, *(example.stained[model] for model in models)]
        for column, (title, image) in enumerate(zip(columns, images, strict=True)):
            _pair(figure, inner, column, example, image, bar_um, title if number == 0 else "")
    return figure


def _heights(example: Example) -> tuple[float, float]:
    """Return the heights of the whole slide and of its region of interest, inches."""
    height, width = example.ct.shape
    return PANEL_IN * height / width, PANEL_IN


def _frame(examples: list[Example], width_in: float, right_in: float = 0.1):
    heights = [sum(_heights(example)) for example in examples]
    gap, top = 0.2, 0.3
    total = sum(heights) + gap * len(examples) + top
    figure = Figure(figsize=(width_in + LABEL_IN + right_in, total))
    outer = figure.add_gridspec(
        len(examples),
        1,
        height_ratios=heights,
        left=LABEL_IN / figure.get_figwidth(),
        right=1 - right_in / figure.get_figwidth(),
        top=1 - top / total,
        bottom=gap / 2 / total,
        hspace=gap / (sum(heights) / len(heights)),
    )
    return figure, list(outer)


def _pair(figure, grid, column: int, example: Example, image, bar_um: float, title: str) -> Axes:
    """Draw a whole slide above its region of interest; return the panel of the latter."""
    whole, zoom = (figure.add_subplot(grid[row, column]) for row in (0, 1))
    panel(whole, image, title)
    panel(zoom, example.crop(image))
    if column == 0:
        row_label(whole, example.title, example.sample)
    if image is not None:
        height, width = image.shape[:2]
        roi_box(whole, example.roi, example.roi_px)
        draw_scale_bar(whole, width, height, example.pixel_um, bar_um)
        draw_scale_bar(zoom, example.roi_px, example.roi_px, example.pixel_um, bar_um)
        for spine in zoom.spines.values():
            spine.set(color=ACCENT, linewidth=1.1)
    return zoom


def _histograms(figure, grid, example: Example, model: str) -> None:
    """Draw the colour histograms of the region of interest, real slide above generated slide.

    The implant is left out: its black would be a spike beside which no tissue is seen.
    """
    first, tissue = None, ~example.crop(example.implant)
    if not tissue.any():
        tissue[:] = True
    for row, (name, image) in enumerate(
        (("slide", example.slide), ("generated", example.stained[model]))
    ):
        axes = figure.add_subplot(grid[row], sharex=first, sharey=first)
        first = first or axes
        for channel, (letter, color) in enumerate(CHANNELS.items()):
            counts, edges = np.histogram(
                example.crop(image)[tissue][:, channel], bins=64, range=(0, 256), density=True
            )
            axes.stairs(counts, edges, color=color, lw=1, label=letter)
            axes.stairs(counts, edges, color=color, fill=True, alpha=0.15)
        axes.set(xlim=(0, 255), yticks=[], xticks=[0, 128, 255])
        axes.annotate(
            name, (0.03, 0.93), xycoords="axes fraction", va="top", fontsize=7, color="0.25"
        )
        _plot_frame(axes)
        if row == 0:
            axes.tick_params(labelbottom=False)
            axes.legend(
                ncols=3, loc="lower right", bbox_to_anchor=(1.02, 0.97), borderaxespad=0,
                handlelength=1, fontsize=7, columnspacing=1,
            )  # fmt: skip
    axes.set_xlabel("colour level in the region, without implant", labelpad=1)


def _profile(axes: Axes, example: Example, model: str) -> None:
    """Draw mean colour along the horizontal line through the middle of the region of interest."""
    for name, image, color, width in (
        ("slide", example.slide, "black", 1.2),
        ("generated", example.stained[model], CHANNELS["R"], 0.9),
    ):
        line = example.crop(image)[example.roi_px // 2].mean(axis=-1)
        position_um = (np.arange(len(line)) + 0.5) * example.pixel_um
        axes.plot(position_um, line, color=color, lw=width, label=name)
    axes.set(xlim=(0, example.roi_px * example.pixel_um), ylim=(0, 255), yticks=[0, 128, 255])
    axes.set_xlabel("along the dashed line (µm)", labelpad=1)
    axes.set_ylabel("mean of R, G, B", labelpad=1)
    _plot_frame(axes)
    axes.legend(
        ncols=2, loc="lower right", bbox_to_anchor=(1.02, 0.99), borderaxespad=0, handlelength=1.2,
        fontsize=7,
    )  # fmt: skip


def _plot_frame(axes: Axes) -> None:
    axes.tick_params(length=2, pad=1.5)
