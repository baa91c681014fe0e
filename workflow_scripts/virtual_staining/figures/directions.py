"""Whole slides in both directions: with the mask in full (Fig. 4b), and without any (Fig. S1)."""

import numpy as np
from matplotlib.figure import Figure

from virtual_staining.figures.examples import Example
from virtual_staining.figures.style import panel, row_label
from virtual_staining.imaging.pictures import draw_scale_bar

PANEL_IN = 1.9
LABEL_IN = 0.45
GAP_IN = 0.06


def draw_directions(examples: list[Example], model: str, bar_um: float, with_mask: bool) -> Figure:
    """Draw a row for each sample: CT, generated slide, slide, generated CT if the model makes one.

    Parameters
    ----------
    examples : list of Example
    model : str
        The model to show.
    bar_um : float
        Scale bar, µm.
    with_mask : bool
        Whether the mask stands as a panel between the generated and the real slide.
    """
    columns = ["CT", "Generated slide", *(["Mask"] if with_mask else []), "Slide"]
    columns += ["Generated CT"] if any(model in one.reverse for one in examples) else []
    heights = [PANEL_IN * example.ct.shape[0] / example.ct.shape[1] for example in examples]
    width, height = PANEL_IN * len(columns) + LABEL_IN, sum(heights) + 0.35
    figure = Figure(figsize=(width, height))
    grid = figure.subplots(
        len(examples),
        len(columns),
        squeeze=False,
        gridspec_kw={
            "height_ratios": heights,
            "left": LABEL_IN / width,
            "right": 1 - GAP_IN / width,
            "top": 1 - 0.28 / height,
            "bottom": GAP_IN / height,
            "wspace": GAP_IN / PANEL_IN,
            "hspace": GAP_IN / PANEL_IN,
        },
    )
    for number, (row, example) in enumerate(zip(grid, examples, strict=True)):
        images = {
            "CT": example.ct,
            "Generated slide": example.stained[model],
            "Mask": np.where(example.mask, 255, 0).astype(np.uint8),
            "Slide": example.slide,
            "Generated CT": example.reverse.get(model),
        }
        for axes, title in zip(row, columns, strict=True):
            image = images[title]
            panel(axes, image, title if number == 0 and image is not None else "")
            if image is not None:
                draw_scale_bar(axes, *image.shape[1::-1], example.pixel_um, bar_um)
        row_label(row[0], example.title, example.sample)
    return figure
