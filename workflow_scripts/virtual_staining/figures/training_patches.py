"""Input and output of a model's networks on training patches (paper Figure 4a)."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from virtual_staining.figures.style import panel
from virtual_staining.imaging.intensity import ct_to_display, ct_window
from virtual_staining.imaging.pictures import draw_scale_bar

PANEL_IN = 1.5


def draw_patches(
    patches: dict[str, np.ndarray],
    rows: int,
    ct_white: float,
    pixel_um: Sequence[float],
    bar_um: float,
) -> Figure:
    """Draw a row for each patch: CT, generated slide, mask, slide, generated CT.

    Parameters
    ----------
    patches : dict
        ``ct`` (n, y, x) uint16 normalized, ``slide`` and ``fake_slide`` (n, y, x, 3) uint8, and
        ``mask`` (n, y, x), non-zero inside. ``fake_ct`` has the form of ``ct`` and is left out for
        models that generate no CT. ``sample`` (n,) names each patch's sample.
    rows : int
        Largest number of patches drawn.
    ct_white : float
        Grey level of normalized CT that is drawn white.
    pixel_um : sequence of float
        Pixel size of each patch, µm; empty where the patches' samples are not known.
    bar_um : float
        Scale bar, µm.
    """
    window = ct_window(ct_white)
    columns = {
        "CT": ct_to_display(patches["ct"], window),
        "Generated slide": patches["fake_slide"],
        "Mask": np.where(patches["mask"] > 0, 255, 0).astype(np.uint8),
        "Slide": patches["slide"],
    }
    if "fake_ct" in patches:
        columns["Generated CT"] = ct_to_display(patches["fake_ct"], window)
    rows = min(rows, len(patches["ct"]))
    size = (PANEL_IN * len(columns) + 0.3, PANEL_IN * rows + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.01, hspace=0.01)
    grid = figure.subplots(rows, len(columns), squeeze=False)
    for row in range(rows):
        for axes, (title, images) in zip(grid[row], columns.items(), strict=True):
            panel(axes, images[row], title if row == 0 else "")
            if len(pixel_um):
                draw_scale_bar(axes, *images[row].shape[1::-1], pixel_um[row], bar_um)
        name = f"\n{patches['sample'][row]}" if len(pixel_um) else ""
        grid[row, 0].set_ylabel(f"{row + 1}{name}", weight="bold")
    return figure
