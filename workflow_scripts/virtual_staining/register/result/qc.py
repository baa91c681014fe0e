"""The picture from which a person decides whether a registration is right."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from skimage.feature import canny

from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.result.landscape import draw_landscape
from virtual_staining.register.result.placement import draw_placement

SHOWN_PX = 900  # of longer pairs every second, third … pixel is shown
FIELDS = 8  # checkerboard fields along the longer side


def draw_qc(
    path: str | Path,
    ct: np.ndarray,
    slide: np.ndarray,
    valid: np.ndarray,
    title: str,
    flagged: bool,
    around: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    placed: tuple[np.ndarray, float, SectionMap, tuple[float, float]] | None = None,
) -> None:
    """Write the pair in four views, the mutual information around it, and its place in the volume.

    Parameters
    ----------
    path : path
        PNG file to write.
    ct : ndarray, uint16 (y, x)
    slide : ndarray, uint8 (y, x, 3)
    valid : ndarray, bool (y, x)
    title : str
        Figures and flags of the registration.
    flagged : bool
        Draw the title in red.
    around : (tilts_deg, offsets_um, information), optional
        The return values of :func:`~virtual_staining.register.result.landscape.landscape`.
    placed : (volume, voxel_um, slide_to_volume, slide_size_um), optional
        Parameters of :func:`~virtual_staining.register.result.placement.draw_placement`.
    """
    step = -(-max(ct.shape) // SHOWN_PX)
    ct, slide, valid = (image[::step, ::step] for image in (ct, slide, valid))
    grey = _stretch(ct, valid)
    panels = {
        (0, 0): ("section", slide),
        (0, 1): ("CT plane", grey),
        (1, 0): ("checkerboard", checkerboard(grey, slide)),
        (1, 1): ("CT edges on the section", edge_overlay(grey, slide)),
    }
    shape = min(max(ct.shape[0] / ct.shape[1], 0.6), 1.6)
    columns = 2 if around is None else 3  # an aligned pair has no place in a volume
    figure = Figure(figsize=(5 * columns, 9.6 * shape + 0.9), dpi=100, layout="constrained")
    for (row, column), (name, image) in panels.items():
        axes = figure.add_subplot(2, columns, row * columns + column + 1, title=name)
        axes.imshow(image, interpolation="nearest")
        axes.contour(valid, [0.5], colors="tab:orange", linewidths=0.5)
        axes.set_axis_off()
    if around is not None:
        draw_landscape(figure.add_subplot(2, 3, 3), *around)
    if placed is not None:
        draw_placement(figure.add_subplot(2, 3, 6, projection="3d"), *placed)
    figure.suptitle(title, fontsize=11, color="crimson" if flagged else "black", wrap=True)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def _stretch(ct: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Return the CT as grey RGB; its 1st percentile becomes 0, its 99.5th 255."""
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
