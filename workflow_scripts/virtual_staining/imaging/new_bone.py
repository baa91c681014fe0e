"""Where a picture shows new bone, for arrows that point there (paper Figures 5c and 8)."""

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from scipy import ndimage

from virtual_staining.imaging.tissue.grey_classes import NEW_BONE, SMOOTH_UM, classes_by_level
from virtual_staining.settings.normalize import NormalizeSettings

MOST_ARROWS = 3
# Thinner seams at new bone's level are the blurred edge of denser matter, or thin trabeculae: under
# a blur of 1.5 px (scan, interpolation, smoothing) one of 2 to 4 px peaks at that level.
HALF_THICKNESS_UM, HALF_THICKNESS_PX = 35.0, 2.5
# What is darker than this part of the glass in every colour is no bone but the implant's products.
DARK = 0.5
LENGTH = 0.17  # of an arrow, part of the panel's longer side


def new_bone(
    ct: np.ndarray,
    slide: np.ndarray,
    tissue: np.ndarray,
    background: np.ndarray,
    pixel_um: float,
    normalize: NormalizeSettings,
) -> np.ndarray:
    """Return where the CT's grey level is that of new bone and the section is not dark.

    Parameters
    ----------
    ct : ndarray of uint16, shape (y, x)
        Normalized CT.
    slide : ndarray of uint8, shape (y, x, 3)
    tissue : ndarray of bool, shape (y, x)
        Where there is tissue; the implant may be part of it.
    background : ndarray of uint8, shape (3,)
        Colour of the slide's background.
    pixel_um : float
        Pixel size, µm.
    normalize : NormalizeSettings
        Levels of the normalized CT.

    Returns
    -------
    ndarray of bool, shape (y, x)
    """
    levels = normalize.bone_mean, normalize.background_mean
    found = classes_by_level(ct, pixel_um, SMOOTH_UM, levels)[NEW_BONE] & tissue
    dark = (slide < DARK * background.astype(float)).all(axis=-1)
    return found & ~ndimage.binary_dilation(dark, iterations=2)


def arrow_tips(region: np.ndarray, pixel_um: float) -> list[tuple[int, int]]:
    """Return the middles (y, x) of the largest thick pieces of a region, three at most.

    Parameters
    ----------
    region : ndarray of bool, shape (y, x)
        New bone inside the panel.
    pixel_um : float
        Pixel size, µm.
    """
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    thick = max(HALF_THICKNESS_UM / pixel_um, HALF_THICKNESS_PX)
    pieces, number = ndimage.label(region)
    numbers = np.arange(1, number + 1)
    deepest = ndimage.maximum(depth, pieces, numbers) if number else np.empty(0)
    sizes = np.bincount(pieces.ravel(), minlength=number + 1)[1:]
    chosen = sorted(numbers[np.asarray(deepest) >= thick], key=lambda piece: -sizes[piece - 1])
    tips = (ndimage.maximum_position(depth, pieces, piece) for piece in chosen[:MOST_ARROWS])
    return [(int(y), int(x)) for y, x in tips]


def draw_arrows(
    axes: Axes, tips: list[tuple[int, int]], shape: tuple[int, int], color: str
) -> None:
    """Draw arrows to points of a panel, each from the side of the panel's middle.

    Parameters
    ----------
    axes : Axes
    tips : list of (y, x)
    shape : (y, x)
        Size of the panel, pixels.
    color : str
        White arrows are outlined in black, others in white.
    """
    outline, side_px = "black" if color == "white" else "white", max(shape)
    for y, x in tips:
        away = np.array(shape) / 2 - np.array([y, x], float)
        if np.hypot(*away) < 0.1 * side_px:
            away = np.array([-1.0, -1.0])
        tail = np.array([y, x]) + LENGTH * side_px * away / np.hypot(*away)
        arrow = {"arrowstyle": "-|>", "color": color, "lw": 1.1, "shrinkA": 0, "shrinkB": 0}
        note = axes.annotate("", (x, y), (tail[1], tail[0]), arrowprops=arrow)
        assert note.arrow_patch is not None, "arrowprops makes one"
        note.arrow_patch.set_path_effects(
            [patheffects.withStroke(linewidth=2.2, foreground=outline)]
        )
