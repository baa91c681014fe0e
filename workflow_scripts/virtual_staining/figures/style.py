"""What all figures have in common: fonts, colours, image panels, files."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from virtual_staining.artefacts.storage.atomic import replacing

RC = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text: small and editable
    "svg.hashsalt": "virtual-staining",  # the same figure gives the same file
}
# Okabe and Ito's colours, which colour-blind readers can tell apart.
CHANNELS = {"R": "#D55E00", "G": "#009E73", "B": "#0072B2"}
MODEL_COLORS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#F0E442")
# Greys: references stand back behind the models.
REFERENCE_COLORS = ("#F2F2F2", "#DDDDDD", "#C0C0C0", "#FFFFFF", "#DDDDDD", "#909090")
ORACLE_HATCH = "//////"
ACCENT = "#E8590C"
SVG_DPI = 130  # of the pictures inside the SVG files


def panel(axes: Axes, image: np.ndarray | None, title: str = "") -> None:
    """Show an image without ticks; without an image the panel stays empty.

    Parameters
    ----------
    axes : Axes
    image : ndarray, shape (y, x) or (y, x, 3), uint8, or None
    title : str
    """
    axes.set_title(title)
    axes.set_xticks([])
    axes.set_yticks([])
    if image is None:
        axes.set_axis_off()
        return
    axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.4, color="0.6")


def row_label(axes: Axes, title: str, detail: str) -> None:
    """Write the name of a row, vertically, to the left of its first panel."""
    axes.annotate(
        title,
        (-0.16, 0.5),
        xycoords="axes fraction",
        rotation=90,
        ha="center",
        va="center",
        weight="bold",
        fontsize=9.5,
    )
    axes.annotate(
        detail,
        (-0.06, 0.5),
        xycoords="axes fraction",
        rotation=90,
        ha="center",
        va="center",
        color="0.35",
        fontsize=7,
    )


def roi_box(axes: Axes, corner: tuple[int, int], size_px: int) -> None:
    """Draw the region of interest as a box; ``corner`` is (y, x) in pixels."""
    axes.add_patch(
        Rectangle(
            (corner[1] - 0.5, corner[0] - 0.5), size_px, size_px, fill=False, color=ACCENT, lw=1.1
        )
    )


def save(figure: Figure, path: Path, dpi: int) -> None:
    """Write a figure as PNG and, under the same name, as SVG.

    Parameters
    ----------
    figure : Figure
    path : Path
        Ends in ``.png``.
    dpi : int
        Resolution of the PNG; pictures inside the SVG have a lower one, to keep it small.
    """
    for target, options in (
        (path, {"dpi": dpi}),
        (path.with_suffix(".svg"), {"dpi": min(dpi, SVG_DPI), "metadata": {"Date": None}}),
    ):
        with replacing(target) as temporary:
            with mpl.rc_context(RC):
                figure.savefig(temporary, format=target.suffix[1:], facecolor="white", **options)
