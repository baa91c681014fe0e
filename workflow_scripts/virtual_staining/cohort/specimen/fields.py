"""Random fields as functions of physical points: the same truth on any grid.

A field is a cubic B-spline on a periodic lattice of seeded coefficients. On a grid along the
lattice it separates into small matrix products; on a section it is sampled five times per
lattice step and interpolated, again by B-splines.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

PERIOD_UM = 9000.0
SPACINGS_UM = {
    "shape_a": (900, 900, 900),
    "shape_b": (800, 800, 800),
    "trabecula": (190, 190, 190),
    "vessel_a": (520, 190, 190),
    "vessel_b": (520, 190, 190),
    "degradation": (160, 160, 160),
    "patch": (280, 280, 280),
    "mineral": (330, 330, 330),
    "tone": (260, 260, 260),
    "fine": (48, 48, 48),
}
"""Lattice steps (z, y, x) of each field, µm."""


@dataclass(frozen=True)
class Lattice:
    """One periodic random field.

    Parameters
    ----------
    coefficients : ndarray of float32, shape (z, y, x)
        B-spline coefficients.
    spacing_um : (z, y, x)
        Steps of the lattice, µm.
    """

    coefficients: np.ndarray
    spacing_um: tuple[float, float, float]


def make_lattices(seed: tuple[int, ...]) -> dict[str, Lattice]:
    """Draw the phantom's fields, each of about unit variance."""
    lattices = {}
    for index, (name, spacing) in enumerate(SPACINGS_UM.items()):
        rng = np.random.default_rng([*seed, index])
        shape = [int(np.ceil(PERIOD_UM / step)) for step in spacing]
        # 3: a cubic B-spline of unit white noise has a standard deviation near 1/3 in 3D
        coefficients = 3 * rng.standard_normal(shape, np.float32)
        lattices[name] = Lattice(coefficients, spacing)
    return lattices


def basis(positions_um: np.ndarray, spacing_um: float, count: int) -> np.ndarray:
    """Return the cubic B-spline weights of periodic lattice nodes, float32 (positions, count)."""
    t = np.asarray(positions_um, float) / spacing_um
    first = np.floor(t).astype(int)
    f = t - first
    weights = np.stack(
        [(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3]
    )
    matrix = np.zeros((t.size, count), np.float32)
    rows = np.arange(t.size)
    for k in range(4):
        np.add.at(matrix, (rows, (first - 1 + k) % count), weights[k] / 6)
    return matrix


class GridFields:
    """Fields on z-slices of a grid; each slice can be computed by itself.

    Parameters
    ----------
    lattices : dict of Lattice
    y_um, x_um : ndarray
        Positions of the rows and columns, µm.
    """

    def __init__(self, lattices: dict[str, Lattice], y_um: np.ndarray, x_um: np.ndarray):
        self._parts = {
            name: (
                lattice,
                basis(y_um, lattice.spacing_um[1], lattice.coefficients.shape[1]),
                basis(x_um, lattice.spacing_um[2], lattice.coefficients.shape[2]).T.copy(),
            )
            for name, lattice in lattices.items()
        }

    def at(self, z_um: float) -> dict[str, np.ndarray]:
        """Return every field at height ``z_um``: float32 arrays (y, x)."""
        values = {}
        for name, (lattice, rows, columns) in self._parts.items():
            c = lattice.coefficients
            weights = basis(np.array([z_um]), lattice.spacing_um[0], c.shape[0])[0]
            used = np.flatnonzero(weights)
            plane = np.tensordot(weights[used], c[used], 1)
            values[name] = (rows @ plane) @ columns
        return values


class PlaneFields:
    """Fields on a section, given by rows and columns in slide coordinates.

    Parameters
    ----------
    lattices : dict of Lattice
    points_of : callable
        Maps slide rows and columns (y_um, x_um) to volume points (3, y, x), µm.
    size_um : (width, height)
        Extent of the slide, µm.
    x_um : ndarray
        Slide x of the columns, µm.
    """

    def __init__(
        self,
        lattices: dict[str, Lattice],
        points_of: Callable[[np.ndarray, np.ndarray], np.ndarray],
        size_um: tuple[float, float],
        x_um: np.ndarray,
    ):
        self._parts = {}
        for name, lattice in lattices.items():
            step = min(lattice.spacing_um) / 5
            pad = 6 * step  # keeps the border of the interpolation outside the slide
            columns, rows = (np.arange(-pad, size + pad + step, step) for size in size_um)
            points = points_of(rows, columns)[::-1].reshape(3, -1)
            points = points / np.array(lattice.spacing_um, np.float32)[:, None]
            values = ndimage.map_coordinates(
                lattice.coefficients, points, order=3, prefilter=False, mode="grid-wrap"
            ).reshape(rows.size, columns.size)
            spline = ndimage.spline_filter(values, order=3, output=np.float32)
            across = basis(np.asarray(x_um) + pad, step, columns.size)
            self._parts[name] = (spline @ across.T, step, pad)

    def at(self, y_um: np.ndarray) -> dict[str, np.ndarray]:
        """Return every field on the rows at ``y_um``: float32 arrays (y, x)."""
        return {
            name: basis(np.asarray(y_um) + pad, step, spline.shape[0]) @ spline
            for name, (spline, step, pad) in self._parts.items()
        }


# Orientation of the grid of cells: oblique to volume and sections, so that no rows show in them.
_ASKEW = Rotation.from_euler("zyx", (0.61, 0.43, 0.79)).as_matrix().astype(np.float32)


def scatter(points_um: np.ndarray, cell_um: float, salt: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where points lie relative to a random point set with one point in each cubic cell.

    Parameters
    ----------
    points_um : ndarray, shape (3, n)
        Points, µm.
    cell_um : float
        Edge of the cells, µm. The point of a cell lies in the inner half of the cell, so that a
        body around it with a radius of a quarter of the edge stays inside the cell.
    salt : int
        Seed of the set.

    Returns
    -------
    offset_um : ndarray, shape (3, n), float32
        From the point of the cell to the given point, µm, along the cells' axes.
    draw : ndarray, shape (n,), float32
        Random number of the cell, uniform in [0, 1).
    """
    scaled = [sum(row[k] * points_um[k] for k in range(3)) for row in _ASKEW / np.float32(cell_um)]
    scaled = np.stack(scaled)
    cell = np.floor(scaled)
    inside = scaled - cell
    index = cell.astype(np.int32).view(np.uint32)
    h = index[0] * np.uint32(0x8DA6B343)
    h ^= index[1] * np.uint32(0xD8163841)
    h ^= index[2] * np.uint32(0xCB1AB31F)
    h = _mix(h ^ np.uint32(salt & 0xFFFFFFFF))
    g = _mix(h + np.uint32(0x9E3779B9))
    low = np.float32(1 / 65536)
    # the inner half of the cell: 0.25 … 0.75
    inside[0] -= (h & np.uint32(0xFFFF)).astype(np.float32) * (low / 2) + np.float32(0.25)
    inside[1] -= (h >> np.uint32(16)).astype(np.float32) * (low / 2) + np.float32(0.25)
    inside[2] -= (g & np.uint32(0xFFFF)).astype(np.float32) * (low / 2) + np.float32(0.25)
    return inside * np.float32(cell_um), (g >> np.uint32(16)).astype(np.float32) * low


def _mix(h: np.ndarray) -> np.ndarray:
    """Hash uint32 numbers in place (the finalizer of MurmurHash3)."""
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    return h
