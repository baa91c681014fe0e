"""Parts of pictures that several stages draw: outlined regions, scale bars."""

from math import floor, inf, log10

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

# Wong's colour-blind safe palette
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7")
# later outlines are thinner, so that one upon another shows both
WIDTHS = (2.6, 1.7, 0.9, 0.5)
# The most doubtful part of a slide is hatched; the colours of the uncertainty end at this part.
DOUBTFUL, MOST_SHOWN = 0.1, 0.99
# Of a scale bar: thickness as part of the image's width; size of the label in points, per inch of
# the panel's width and between two ends.
BAR_THICKNESS, LABEL_POINTS, LABEL_RANGE = 0.014, 2.4, (6.5, 11)


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


def bar_length_um(width_um: float, wanted_um: float = inf) -> float:
    """Return the wanted length, or the longest 1, 2 or 5 × 10ⁿ µm within 2/5 of the image.

    Parameters
    ----------
    width_um : float
        Width of the image, µm.
    wanted_um : float
        The length that is taken where it fits, µm.
    """
    longest = 0.4 * width_um
    if wanted_um <= longest:
        return wanted_um
    decade = 10 ** floor(log10(longest))
    return float(max(step * decade for step in (1, 2, 5) if step * decade <= longest))


def draw_scale_bar(
    axes: Axes, width_px: int, height_px: int, pixel_um: float, wanted_um: float = inf
) -> None:
    """Draw a labelled scale bar in the lower right corner of an image panel.

    Parameters
    ----------
    axes : Axes
        Shows the image in pixels.
    width_px, height_px : int
        Size of the image.
    pixel_um : float
        Size of a pixel, µm.
    wanted_um : float
        As in :func:`bar_length_um`.
    """
    length_um = bar_length_um(width_px * pixel_um, wanted_um)
    length, thickness = length_um / pixel_um, BAR_THICKNESS * width_px
    width_in = axes.get_window_extent().width / axes.figure.dpi
    size = float(np.clip(LABEL_POINTS * width_in, *LABEL_RANGE))
    half = max(length / 2, 0.115 * width_px)  # the label may be longer than the bar
    middle, bottom = 0.955 * width_px - half, height_px - 0.05 * width_px
    corner = middle - length / 2, bottom - thickness
    axes.add_patch(
        Rectangle(corner, length, thickness, facecolor="black", edgecolor="white", linewidth=0.6)
    )
    label = f"{length_um / 1000:g} mm" if length_um >= 1000 else f"{length_um:g} µm"
    box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.2}
    axes.annotate(
        label, (middle, corner[1]), (0, 3), textcoords="offset points", ha="center", va="bottom",
        fontsize=size, bbox=box,
    )  # fmt: skip


def draw_doubt(
    panels: tuple[Axes, Axes],
    slide: np.ndarray,
    uncertainty: np.ndarray,
    pixel_um: float,
    wanted_um: float = inf,
) -> None:
    """Draw a stained slide, its most doubtful tenth hatched, and its uncertainty in colours.

    Where more than a tenth shares the largest uncertainty, all of this part is hatched.

    Parameters
    ----------
    panels : (Axes, Axes)
        For the slide and for the uncertainty.
    slide : ndarray of uint8, shape (y, x, 3)
    uncertainty : ndarray of uint8, shape (y, x)
        Grey levels, 0 outside the mask.
    pixel_um, wanted_um : float
        As in :func:`draw_scale_bar`.
    """
    inside = uncertainty > 0
    limit = np.quantile(uncertainty[inside], 1 - DOUBTFUL) if inside.any() else 255
    panels[0].imshow(slide)
    doubtful = uncertainty > limit
    if not doubtful.any():
        doubtful = inside & (uncertainty == limit)
    panels[0].contourf(doubtful.astype(float), [0.5, 1.5], colors="none", hatches=["//////"])
    most = np.quantile(uncertainty[inside], MOST_SHOWN) if inside.any() else 255
    shown = np.where(inside, uncertainty, np.nan)
    image = panels[1].imshow(shown, cmap="viridis", vmax=max(most, 1))
    for axes in panels:
        axes.set_axis_off()
        draw_scale_bar(axes, slide.shape[1], slide.shape[0], pixel_um, wanted_um)
    extend = "max" if uncertainty.max() > most else "neither"
    panels[1].figure.colorbar(image, ax=panels[1], label="grey levels", extend=extend)
