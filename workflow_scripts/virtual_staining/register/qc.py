"""The picture by which a person judges a registration."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from skimage.feature import canny

from virtual_staining.files import replacing

SHOWN_PX = 900  # longer pairs are thinned out for the picture
FIELDS = 8  # checkerboard fields along the longer side

matplotlib.use("Agg")


def draw_qc(
    path: str | Path,
    ct: np.ndarray,
    slide: np.ndarray,
    valid: np.ndarray,
    title: str,
    flagged: bool,
) -> None:
    """Write section, CT plane, checkerboard and edge overlay side by side as PNG.

    Parameters
    ----------
    path : path
    ct : ndarray, uint16 (y, x)
    slide : ndarray, uint8 (y, x, 3)
    valid : ndarray, bool (y, x)
    title : str
        Numbers and flags.
    flagged : bool
        Draw the title in red.
    """
    step = -(-max(ct.shape) // SHOWN_PX)
    ct, slide, valid = (image[::step, ::step] for image in (ct, slide, valid))
    grey = _stretch(ct, valid)
    panels = {
        "section": slide,
        "CT plane": grey,
        "checkerboard": checkerboard(grey, slide),
        "CT edges on the section": edge_overlay(grey, slide),
    }
    figure = Figure(figsize=(16, 4.6 * max(0.6, ct.shape[0] / ct.shape[1]) + 0.9), dpi=110)
    for axes, (name, image) in zip(figure.subplots(1, 4), panels.items(), strict=True):
        axes.imshow(image, interpolation="nearest")
        axes.contour(valid, [0.5], colors="tab:orange", linewidths=0.5)
        axes.set_title(name, fontsize=10)
        axes.set_axis_off()
    figure.suptitle(title, fontsize=9, color="crimson" if flagged else "black", wrap=True)
    figure.tight_layout()
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def _stretch(ct: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return the CT as grey RGB, 1st to 99.5th percentile over 0–255."""
    low, high = np.percentile(ct[valid] if valid.any() else ct, [1, 99.5])
    grey = np.clip((ct - low) / max(high - low, 1) * 255, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def checkerboard(grey: np.ndarray, slide: np.ndarray) -> np.ndarray:
    """Mix two RGB images in alternating square fields."""
    side = max(1, -(-max(slide.shape[:2]) // FIELDS))
    y, x = np.indices(slide.shape[:2])
    return np.where(((y // side + x // side) % 2 == 0)[..., None], grey, slide)


def edge_overlay(grey: np.ndarray, slide: np.ndarray) -> np.ndarray:
    """Draw the CT's edges as thin green lines on the section (RGB)."""
    edges = canny(grey[..., 0], sigma=1.5, low_threshold=8, high_threshold=20)
    return np.where(edges[..., None], np.array([0, 200, 60], np.uint8), slide)
