"""Pictures of a stained volume: rendering, orthogonal slices (paper Fig. 8), turntable."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from virtual_staining.draw.cast import Camera, Wedge, cast
from virtual_staining.draw.fields import Fields
from virtual_staining.draw.scene import camera_to
from virtual_staining.draw.volume import DrawnVolume
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.pictures import COLOURS, draw_scale_bar

DPI = 150
FRAME_MS = 80
# axis that a panel looks along: its name, the array's axis, the panel's (across, down) axes
PANELS = (("a", "XY", "z", ("x", "y")), ("b", "YZ", "x", ("z", "y")), ("c", "XZ", "y", ("x", "z")))
AXIS_COLOURS = dict(zip("xyz", COLOURS, strict=False))


@dataclass(frozen=True)
class CutSection:
    """A section's plane: the real section, and what the volumes show there.

    Parameters
    ----------
    name : str
    place : SectionMap
        µm on the pictures to µm in the volume.
    pixel_um : float
    real, stain : ndarray of uint8, shape (y, x, 3)
    ct : ndarray of uint8, shape (y, x)
        In shades of grey.
    """

    name: str
    place: SectionMap
    pixel_um: float
    real: np.ndarray
    stain: np.ndarray
    ct: np.ndarray


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


def orthogonal_figure(
    rgba, voxel_um: float, through_um: Sequence[float], sections: Sequence[CutSection] = ()
) -> Figure:
    """Draw the three slices through a point, and the first section beside its place.

    Lines show where the other slices lie, and a dashed one the section.

    Parameters
    ----------
    rgba : zarr.Array or ndarray of uint8, shape (4, z, y, x)
        Only the three slices are read.
    voxel_um : float
        Voxel size, µm.
    through_um : (x, y, z)
        The point, µm.
    sections : sequence of CutSection
        The first is drawn.
    """
    size = dict(zip("zyx", rgba.shape[1:], strict=True))
    where = {
        a: int(np.clip(p / voxel_um, 0, size[a] - 1))
        for a, p in zip("xyz", through_um, strict=True)
    }
    shown = sections[0] if sections else None
    widths = [size["x"], size["z"]] + ([size["x"]] if shown else [])
    heights = [size["y"], size["z"]]
    scale = 13 / sum(widths) if shown else 9 / sum(widths)
    figure = Figure(
        figsize=(sum(widths) * scale, sum(heights) * scale * 1.06), dpi=DPI, layout="constrained"
    )
    grid = figure.add_gridspec(2, len(widths), width_ratios=widths, height_ratios=heights)
    for cell, (letter, plane, axis, (across, down)) in zip(
        (grid[0, 0], grid[0, 1], grid[1, 0]), PANELS, strict=True
    ):
        place = [slice(0, 3)] + [where[a] if a == axis else slice(None) for a in "zyx"]
        image = np.moveaxis(np.asarray(rgba[tuple(place)]), 0, -1)
        if axis == "x":  # y down and z across, beside XY
            image = image.swapaxes(0, 1)
        axes = figure.add_subplot(cell)
        axes.imshow(image, interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(
            f"({letter}) {plane}, {axis} = {(where[axis] + 0.5) * voxel_um:.0f} µm", fontsize=9
        )
        axes.axvline(where[across], color=COLOURS[0], lw=0.6, alpha=0.8)
        axes.axhline(where[down], color=COLOURS[0], lw=0.6, alpha=0.8)
        if shown:
            draw_trace(
                axes, shown.place, axis, across, down, (where[axis] + 0.5) * voxel_um, voxel_um
            )
        axes.set(xlim=(-0.5, size[across] - 0.5), ylim=(size[down] - 0.5, -0.5))
        draw_scale_bar(axes, size[across], size[down], voxel_um)
    if shown:
        draw_section(figure, (grid[0, 2], grid[1, 2], grid[1, 1]), shown)
    return figure


def draw_trace(
    axes: Axes, place: SectionMap, axis: str, across: str, down: str, at_um: float, voxel_um: float
) -> None:
    """Draw the line in which a section's plane crosses a slice, dashed."""
    normal = dict(zip("xyz", place.normal, strict=True))
    rest = np.dot(place.normal, place.origin_um) - normal[axis] * at_um
    if np.hypot(normal[across], normal[down]) < 0.05:  # nearly parallel to the slice
        return
    # normal · (across, down) = rest, in pixels
    point = (
        np.array([normal[across], normal[down]]) * rest / (normal[across] ** 2 + normal[down] ** 2)
    )
    point = point / voxel_um - 0.5
    axes.axline(
        tuple(point), (point[0] - normal[down], point[1] + normal[across]),
        color=COLOURS[1], lw=0.9, ls=(0, (5, 3)),
    )  # fmt: skip


def draw_section(figure: Figure, cells: Sequence, section: CutSection) -> None:
    """Draw the volume at a section's place, the real section, and the CT there."""
    for cell, title, image, kind in (
        (cells[0], f"(d) stained volume at section {section.name}", section.stain, {}),
        (cells[1], f"(f) real section {section.name}", section.real, {}),
        (cells[2], f"(e) CT at section {section.name}", section.ct,
         {"cmap": "gray", "vmin": 0, "vmax": 255}),
    ):  # fmt: skip
        axes = figure.add_subplot(cell)
        axes.imshow(image, interpolation="nearest", **kind)
        axes.set_axis_off()
        axes.set_title(title, fontsize=9, color=COLOURS[1])
        draw_scale_bar(axes, image.shape[1], image.shape[0], section.pixel_um)


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
