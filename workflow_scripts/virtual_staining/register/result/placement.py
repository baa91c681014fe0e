"""The section's place in its volume, drawn in three dimensions."""

from itertools import combinations

import numpy as np
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection, Poly3DCollection

from virtual_staining.imaging.geometry import SectionMap

WALL_CELLS = 48  # cells of a projection along its longer side
UM_PER_MM = 1000.0


def draw_placement(
    axes: Axes3D,
    volume: np.ndarray,
    voxel_um: float,
    section: SectionMap,
    slide_size_um: tuple[float, float],
) -> None:
    """Draw the volume as a box with mean projections on three of its walls, and the slide in it.

    Parameters
    ----------
    axes : Axes3D
    volume : ndarray (z, y, x)
        Coarse grey volume.
    voxel_um : float
    section : SectionMap
        Slide µm to volume µm.
    slide_size_um : (width, height)
        Size of the slide, µm.
    """
    axes.computed_zorder = False  # matplotlib sorts large polygons wrongly
    size_mm = np.array(volume.shape[::-1]) * voxel_um / UM_PER_MM
    for axis in range(3):
        _draw_wall(axes, volume.mean(axis=2 - axis), axis, size_mm)
    corners = size_mm * [[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    edges = [(a, b) for a, b in combinations(corners, 2) if np.count_nonzero(a - b) == 1]
    axes.add_collection3d(Line3DCollection(edges, colors="0.5", linewidths=0.6, zorder=1))
    cut = plane_in_box(section, size_mm * UM_PER_MM) / UM_PER_MM
    if len(cut):
        axes.add_collection3d(
            Poly3DCollection(
                [cut], facecolor="tab:blue", edgecolor="tab:blue", alpha=0.35, zorder=2
            )
        )
    width, height = slide_size_um
    outline = section.to_volume([[0, 0], [width, 0], [width, height], [0, height], [0, 0]])
    outline = (outline / UM_PER_MM).T
    axes.plot(*outline, color="tab:orange", linewidth=1.5, zorder=3, label="slide")
    axes.plot(*outline[:, :2], color="crimson", linewidth=2.5, zorder=4, label="its upper edge")
    corner = "its upper left corner"
    axes.plot(*outline[:, :1], "o", color="crimson", markersize=6, zorder=4, label=corner)
    axes.plot([], [], color="tab:blue", linewidth=5, alpha=0.4, label="its plane in the volume")
    _show_all(axes, np.vstack([corners, outline.T]))
    axes.set_title("place in the volume")
    axes.legend(fontsize=7, loc="upper left", framealpha=0.7)


def plane_in_box(section: SectionMap, size_um: np.ndarray) -> np.ndarray:
    """Return the polygon in which a section's plane cuts a box.

    Parameters
    ----------
    section : SectionMap
        Its plane is taken without bounds.
    size_um : ndarray, shape (3,)
        Far corner of the box (x, y, z), whose near corner is the origin, µm.

    Returns
    -------
    ndarray, shape (n, 3)
        Corners in order around the polygon, µm; n is 3 to 6, or 0 if the plane misses the box.
    """
    size_um = np.asarray(size_um, float)
    points = []
    for axis in range(3):
        others = [k for k in range(3) if k != axis]
        for low in ((0, 0), (0, 1), (1, 0), (1, 1)):
            start = np.zeros(3)
            start[others] = size_um[others] * low
            slope = section.normal[axis] * size_um[axis]
            if abs(slope) > 1e-12 * size_um.max():
                part = (section.origin_um - start) @ section.normal / slope
                if 0 <= part <= 1:
                    start[axis] = part * size_um[axis]
                    points.append(start)
    if len(points) < 3:
        return np.empty((0, 3))
    points = np.unique(np.round(points, 6), axis=0)  # a plane through a corner meets three edges
    spokes = section.to_slide(points)
    spokes = spokes - spokes.mean(0)
    return points[np.argsort(np.arctan2(spokes[:, 1], spokes[:, 0]))]


def _draw_wall(axes: Axes3D, mean: np.ndarray, axis: int, size_mm: np.ndarray) -> None:
    """Draw a mean projection along ``axis`` on the wall that lies behind the box."""
    step = -(-max(mean.shape) // WALL_CELLS)
    mean = mean[::step, ::step]
    for along in (0, 1):  # of a thin volume one row is left, which fills the wall
        if mean.shape[along] == 1:
            mean = np.repeat(mean, 2, along)
    values = [mean, mean, mean]
    across, down = (k for k in range(3) if k != axis)  # along the projection's columns and rows
    values[across], values[down] = np.meshgrid(
        np.linspace(0, size_mm[across], mean.shape[1]), np.linspace(0, size_mm[down], len(mean))
    )
    wall = size_mm[1] if axis == 1 else 0.0
    axes.contourf(*values, levels=12, zdir="xyz"[axis], offset=wall, cmap="gray", zorder=0)


def _show_all(axes: Axes3D, points: np.ndarray) -> None:
    """Fit the axes, equally scaled, to points (n, 3), mm, and set the view."""
    low, high = points.min(0), points.max(0)
    for name, limits in zip("xyz", np.stack([low, high], 1), strict=True):
        axes.set(**{f"{name}lim": limits, f"{name}label": f"{name}, mm"})
    axes.set_box_aspect(high - low)
    axes.view_init(elev=25, azim=-55)  # looks at the walls x = 0, y = its end and z = 0
    axes.tick_params(labelsize=7)
    axes.locator_params(nbins=4)
    axes.grid(False)
