"""What a picture shows: its decoded pixels and the colours of its lines."""

from pathlib import Path

import cv2
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure


def read_rgb(path: Path) -> np.ndarray:
    """Decode a picture, without its alpha channel, as uint8 (y, x, 3)."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert image is not None, f"{path} is no picture"
    return image[..., ::-1]


def drawn(figure: Figure) -> np.ndarray:
    """Draw a figure at its own resolution, uint8 (y, x, 3)."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def pixel_of(axes, x: float, y: float) -> tuple[int, int]:
    """Return the row and column of the drawn figure that show a point of the axes' data."""
    across, up = axes.transData.transform((x, y))
    return round(axes.figure.bbox.height - up - 0.5), round(across - 0.5)


def has_colour(image: np.ndarray, colour: str, pixels: int = 20, tolerance: int = 12) -> bool:
    """Tell whether at least so many pixels have a colour, within rounding and smoothed edges."""
    off = np.abs(image.astype(int) - np.array(to_rgb(colour)) * 255).max(-1)
    return bool((off <= tolerance).sum() >= pixels)
