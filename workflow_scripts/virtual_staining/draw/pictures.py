"""Pictures of a stained volume: rendering and turntable."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from virtual_staining.draw.cast import Camera, Wedge, cast
from virtual_staining.draw.fields import Fields
from virtual_staining.draw.scene import camera_to
from virtual_staining.draw.volume import DrawnVolume
from virtual_staining.imaging.pictures import COLOURS, draw_scale_bar

DPI = 150
FRAME_MS = 80
AXIS_COLOURS = dict(zip("xyz", COLOURS, strict=False))


def render_figure(
    picture: np.ndarray, camera: Camera, voxel_um: float, title: str, side: int
) -> Figure:
    """Lay a scale bar, the axes' directions and labels over a rendering.

    Parameters
    ----------
    picture : ndarray of uint8, shape (n, n, 3)
        From :func:`~virtual_staining.draw.cast.cast`.
    camera : Camera
        That it was made with.
    voxel_um : float
        Voxel size, µm.
    title : str
    side : int
        Pixels a side of the figure.
    """
    figure = Figure(figsize=(side / DPI, side / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(picture, interpolation="lanczos")
    axes.set_axis_off()
    n = len(picture)
    draw_scale_bar(axes, n, n, 2 * camera.half * voxel_um / n)
    draw_triad(axes, camera, (0.1 * n, 0.9 * n), 0.055 * n)
    axes.text(0.03 * n, 0.05 * n, title, fontsize=11, va="center")
    return figure


def draw_triad(axes: Axes, camera: Camera, origin: tuple[float, float], length: float) -> None:
    """Draw where the volume's axes point, from a pixel of a rendering."""
    for name, right, up in zip("xyz", camera.right, camera.up, strict=True):
        end = origin[0] + length * right, origin[1] - length * up
        arrow = {"arrowstyle": "-|>", "color": AXIS_COLOURS[name], "lw": 1.6, "shrinkA": 0}
        axes.annotate("", end, origin, arrowprops=arrow)
        label = origin[0] + 1.3 * length * right, origin[1] - 1.3 * length * up
        axes.text(*label, name, color=AXIS_COLOURS[name], ha="center", va="center", fontsize=10)


def write_turntable(
    path: Path,
    volume: DrawnVolume,
    fields: Fields,
    wedge: Wedge,
    frames: int,
    side: int,
    threads: int,
) -> None:
    """Write an animated GIF in which the camera goes once round the volume.

    Parameters
    ----------
    path : Path
        To write to.
    volume, fields, wedge
        As for :func:`~virtual_staining.draw.cast.cast`.
    frames : int
        Pictures of the round.
    side : int
        Pixels a side.
    threads : int
    """
    angles = 360 * np.arange(frames) / frames
    pictures = [
        Image.fromarray(cast(fields, camera_to(volume, wedge, angle), wedge, side, threads, 1))
        for angle in angles
    ]
    # one table of colours for all, from three of them: tables that change make a GIF flicker
    sample = np.hstack([np.asarray(pictures[k * frames // 3]) for k in range(3)])
    palette = Image.fromarray(sample).quantize(255, method=Image.Quantize.MEDIANCUT)
    tables = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    tables[0].save(
        path,
        format="GIF",
        save_all=True,
        append_images=tables[1:],
        duration=FRAME_MS,
        loop=0,
        optimize=True,
    )
