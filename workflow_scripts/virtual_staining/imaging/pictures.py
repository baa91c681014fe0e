"""Quality-control pictures: CT and slide side by side with outlined regions."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

# Wong's colour-blind safe palette
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7")
# later outlines are thinner, so that one upon another shows both
WIDTHS = (2.6, 1.7, 0.9, 0.5)


def draw_outlines(
    ct: np.ndarray,
    slide: np.ndarray,
    regions: dict[str, tuple[np.ndarray, str]],
    title: str,
) -> Figure:
    """Draw outlines over the CT and the slide, and return the figure.

    Parameters
    ----------
    ct : ndarray, shape (y, x)
        Shown in grey from its 0.5th to its 99.5th percentile.
    slide : ndarray of uint8, shape (y, x, 3)
    regions : dict
        Name to (bool array (y, x), ``"ct"``, ``"slide"`` or ``"both"``: where to draw it).
    title : str
        Above the picture.
    """
    figure = Figure(figsize=(12, 6.8), layout="constrained")
    panels = dict(zip(("ct", "slide"), figure.subplots(1, 2), strict=True))
    low, high = np.percentile(ct, (0.5, 99.5))
    panels["ct"].imshow(ct, cmap="gray", vmin=low, vmax=high)
    panels["slide"].imshow(slide)
    handles = []
    styles = zip(COLOURS, WIDTHS, regions.items(), strict=False)
    for colour, width, (name, (region, where)) in styles:
        handles.append(Line2D([], [], color=colour, lw=width, label=name))
        for key, panel in panels.items():
            if where in (key, "both") and region.any() and not region.all():
                panel.contour(region, [0.5], colors=colour, linewidths=width)
    for key, panel in panels.items():
        panel.set_title({"ct": "CT", "slide": "section"}[key])
        panel.set_axis_off()
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.suptitle(title, fontsize=11)
    return figure
