"""Orthogonal slices of a stained volume, beside its section (paper Fig. 8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from virtual_staining.draw.pictures import DPI
from virtual_staining.draw.volume import LEAST_ALPHA
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.imaging.new_bone import arrow_tips, draw_arrows, new_bone
from virtual_staining.imaging.pictures import COLOURS, draw_scale_bar
from virtual_staining.settings.normalize import NormalizeSettings

# axis that a panel looks along: its name, the array's axis, the panel's (across, down) axes
PANELS = (("a", "XY", "z", ("x", "y")), ("b", "YZ", "x", ("z", "y")), ("c", "XZ", "y", ("x", "z")))


@dataclass(frozen=True)
class NormalizedCt:
    """The CT of a stained volume, on its grid.

    Parameters
    ----------
    array : zarr.Array or ndarray, shape (z, y, x)
    scaling : (scale, offset)
        Of its grey levels, which normalizes them.
    settings : NormalizeSettings
        What they are normalized to.
    """

    array: Any
    scaling: tuple[float, float]
    settings: NormalizeSettings


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


def orthogonal_figure(
    rgba,
    voxel_um: float,
    through_um: Sequence[float],
    sections: Sequence[CutSection] = (),
    ct: NormalizedCt | None = None,
) -> Figure:
    """Draw the three slices through a point, and the first section beside its place.

    Lines show where the other slices lie, and a dashed one the section. Red arrows point to new
    bone by the CT's grey level.

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
    ct : NormalizedCt, optional
        Without it there are no arrows.
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
        colours = plane_of(rgba, axis, where[axis])
        image = np.moveaxis(colours[:3], 0, -1)
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
        if ct is not None:
            grey = plane_of(ct.array, axis, where[axis])
            tips = new_bone_tips(grey, image, colours[3], voxel_um, ct)
            draw_arrows(axes, tips, image.shape[:2], "red")
    if shown:
        draw_section(figure, (grid[0, 2], grid[1, 2], grid[1, 1]), shown)
    return figure


def plane_of(array, axis: str, at: int) -> np.ndarray:
    """Return a slice (…, down, across) of a volume (…, z, y, x), y down and z across beside XY."""
    place = [slice(None)] * (array.ndim - 3) + [at if a == axis else slice(None) for a in "zyx"]
    plane = np.asarray(array[tuple(place)])
    return plane.swapaxes(-1, -2) if axis == "x" else plane


def new_bone_tips(
    grey: np.ndarray, stain: np.ndarray, alpha: np.ndarray, voxel_um: float, ct: NormalizedCt
) -> list[tuple[int, int]]:
    """Return the pixels of a slice (down, across) that arrows point to."""
    level = np.clip(ct.scaling[0] * grey + ct.scaling[1], 0, 65535).astype(np.uint16)
    white = np.full(3, 255, np.uint8)
    found = new_bone(level, stain, alpha > LEAST_ALPHA, white, voxel_um, ct.settings)
    return arrow_tips(found, voxel_um)


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
