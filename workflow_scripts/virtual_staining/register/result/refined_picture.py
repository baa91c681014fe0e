"""The picture from which a person judges a slide's refinement."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from virtual_staining.artefacts.refined import Refinement
from virtual_staining.imaging.soft_field import SoftField

ARROWS = 28  # along the longer side


def draw_refined(
    path: Path,
    before: np.ndarray,
    after: np.ndarray,
    field: SoftField,
    sample: str,
    figures: Refinement,
) -> None:
    """Write the slide before and after, and the displacement found, whether it is taken or not.

    Parameters
    ----------
    path : Path
        PNG file.
    before, after : ndarray of uint8, shape (y, x, 3)
    field : SoftField
    sample : str
    figures : Refinement
    """
    height, width = before.shape[:2]
    shape = (15, 15 / 3 * height / width + 0.8)
    figure = Figure(figsize=shape, dpi=80, layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, image, name in zip(
        panels, (before, after, before), ("slide", "slide to train on", "displacement"), strict=True
    ):
        axes.imshow(image, interpolation="nearest")
        axes.set_title(name)
        axes.set_axis_off()
    step = max(1, max(height, width) // ARROWS)
    y, x = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    u, v = (part[y, x] for part in field.shift_px)
    moving = np.hypot(u, v) > 0
    largest = max(float(np.hypot(u, v).max()), 1e-3)
    panels[2].quiver(
        x[moving], y[moving], u[moving], v[moving], angles="xy", scale_units="xy",
        scale=largest / step, color="crimson", width=0.003,
    )  # fmt: skip
    verdict = f"left as it is: {figures.refused}" if figures.refused else "taken"
    figure.suptitle(
        f"{sample}: {figures.rms_um:.0f} µm rms, longest arrow {largest:.1f} px, gain "
        f"{figures.gain:.3f}, against another specimen {figures.null_gain:.3f}: {verdict}",
        fontsize=11,
        color="crimson" if figures.refused else "black",
    )
    figure.savefig(path, format="png")
