"""The bore of a round sample holder, found by the shape of the wall.

Grey levels do not tell a holder from a specimen. Seen from outside, the first matter in many
directions is the wall; the wall is thin and closed, and its inner side lies on a circle
whose centre and radius change evenly along the holder's axis. A specimen that touches the wall
hides the circle in some directions only, and a field's edge leaves arcs of the circle.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

# Longest side of the copy of a volume that is searched, voxels; the numbers below fit it.
SEARCHED_VOXELS = 100
SMOOTH_VOXELS = 0.7  # blur, so that noise is no matter
DIRECTIONS = 360  # of each slice that are looked along
SLICES = 24  # that are looked at
TRIES = 300  # random circles
REFINEMENTS = 5  # of the best one
TOLERANCE_VOXELS = 1.5  # of a point's distance to the circle and of the wall's thickness
WALL_UM = 700.0  # thickness of the thickest wall
# Lowest levels of matter that are tried, on the way from background (0) to bone (1). Plastics have
# 0.07 to 0.3, glass and metals more.
MATTER_LEVELS = (0.06, 0.12, 0.03, 0.37)
# Least share of the ends of thin runs that lie on the circle, and of the slices that show it.
LEAST_ON_CIRCLE, LEAST_SLICES = 0.18, 0.9
# Least share of the wall's ring that holds matter, where it was measured; bodies without a holder
# reach 0.75. Largest standard deviation of the ends' distance to the circle, voxels: turned plastic
# and glass reach 0.4, no hollow bone does.
LEAST_CLOSED, MOST_UNEVEN = 0.9, 0.7
LEAST_POINTS = 20


@dataclass(frozen=True)
class Bore:
    """The inside of a round holder: a circle in each slice across the holder's axis.

    Parameters
    ----------
    axis : int
        Number of the holder's axis among z, y, x.
    centre_um : ndarray, shape (2, 2)
        Slope and offset of the circle's centre for the first and the second other axis, in µm
        along the holder's axis; the volume's outer corner is the origin.
    radius_um : ndarray, shape (2,)
        Slope and offset of the circle's radius, µm.
    wall_um : float
        Thickness of the wall, µm.
    """

    axis: int
    centre_um: np.ndarray
    radius_um: np.ndarray
    wall_um: float

    def depth_um(self, shape: tuple[int, ...], voxel_um: float) -> np.ndarray:
        """Return how deep each voxel of a volume lies inside the bore, µm, float32 (z, y, x)."""
        places = [
            ((np.arange(n, dtype=np.float32) + 0.5) * voxel_um).reshape(
                [-1 if k == number else 1 for k in range(3)]
            )
            for number, n in enumerate(shape)
        ]
        along = places.pop(self.axis)
        first, second = (
            place - np.polyval(line, along)
            for place, line in zip(places, self.centre_um, strict=True)
        )
        depth = np.polyval(self.radius_um, along) - np.hypot(first, second)
        return depth.astype(np.float32)


def find_bore(level: np.ndarray, measured: np.ndarray, voxel_um: float) -> Bore | None:
    """Find the bore of a round holder that stands along one of a volume's axes, tilted a little.

    Parameters
    ----------
    level : ndarray, shape (z, y, x)
        Grey levels, background 0 and bone 1.
    measured : ndarray of bool, shape (z, y, x)
        False where the volume holds no data.
    voxel_um : float
        Voxel size, µm.

    Returns
    -------
    Bore or None
        None where no wall is seen.
    """
    size = -(-max(level.shape) // SEARCHED_VOXELS)
    level = ndimage.gaussian_filter(_means(level, size), SMOOTH_VOXELS)
    measured = _means(measured.astype(np.float32), size) > 0.99
    for lowest in MATTER_LEVELS:
        matter = (level > lowest) & measured
        for axis in range(3):
            bore = _bore_along(axis, matter, measured, voxel_um * size)
            if bore is not None and _is_closed(bore, matter, measured, voxel_um * size):
                return bore
    return None


def _means(values: np.ndarray, size: int) -> np.ndarray:
    """Return the means of cubes of ``size`` voxels; an axis too short for a cube keeps its mean."""
    for axis in range(3):
        n = max(values.shape[axis] // size, 1)
        parts = np.moveaxis(values, axis, 0)[: n * size]
        parts = parts.reshape(n, -1, *parts.shape[1:]).mean(1)
        values = np.moveaxis(parts, 0, axis)
    return values


def _bore_along(
    axis: int, matter: np.ndarray, measured: np.ndarray, voxel_um: float
) -> Bore | None:
    """Return the bore along an axis, None where there is none."""
    depth = matter.shape[axis]
    if min(n for k, n in enumerate(matter.shape) if k != axis) < LEAST_POINTS:
        return None
    slices = np.unique(np.linspace(0, depth - 1, SLICES).round().astype(int))
    ends, runs = [], []
    for number in slices:
        end, run = _first_runs(matter.take(number, axis), measured.take(number, axis))
        thin = run * voxel_um <= WALL_UM
        ends.append(np.column_stack([end, np.full(len(end), number)])[thin])
        runs.append(run[thin])
    points, thickness = np.concatenate(ends), np.concatenate(runs)
    lines = _shared_circle(points)
    if lines is None:
        return None
    apart = _apart(points, lines)
    near = np.abs(apart) <= TOLERANCE_VOXELS
    seen = np.mean(np.isin(slices, points[near, 2]))
    if near.mean() < LEAST_ON_CIRCLE or seen < LEAST_SLICES or apart[near].std() > MOST_UNEVEN:
        return None
    usual = np.median(thickness[near])
    # from voxel numbers to µm: the centre of voxel 0 lies half a voxel from the volume's corner
    slopes = lines[:, 0]
    offsets = (lines[:, 1] - 0.5 * slopes + np.array([0.5, 0.5, 0])) * voxel_um
    in_um = np.column_stack([slopes, offsets])
    return Bore(axis, in_um[:2], in_um[2], float(usual * voxel_um))


def _is_closed(bore: Bore, matter: np.ndarray, measured: np.ndarray, voxel_um: float) -> bool:
    """Tell whether the wall goes all around, as far as the field shows."""
    depth_um = bore.depth_um(matter.shape, voxel_um)
    ring = measured & (depth_um < 0) & (depth_um > -bore.wall_um)
    return bool(matter[ring].mean() >= LEAST_CLOSED) if ring.any() else False


def _first_runs(matter: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where the first runs of matter end, seen from outside, and how long they are.

    Returns
    -------
    ends : ndarray, shape (n, 2)
        Points (row, column), px.
    lengths : ndarray, shape (n,)
        Of the runs, px; as far as the field shows them.
    """
    middle = (np.array(matter.shape) - 1) / 2
    radii = np.arange(int(np.hypot(*matter.shape) / 2) + 1)[::-1]
    angles = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    way = np.stack([np.sin(angles), np.cos(angles)], 1)
    rows, columns = np.rint(middle + way[:, None] * radii[:, None]).astype(int).transpose(2, 0, 1)
    inside = (rows >= 0) & (rows < matter.shape[0]) & (columns >= 0) & (columns < matter.shape[1])
    place = np.where(inside, rows, 0), np.where(inside, columns, 0)
    field = inside & measured[place]
    full = field & matter[place]
    start = full.argmax(1)
    behind = ~full & (np.arange(radii.size) > start[:, None])
    end = behind.argmax(1)
    hit = full.any(1) & behind.any(1)
    edge = radii[end[hit]] + 0.5
    return middle + way[hit] * edge[:, None], (end - start)[hit].astype(float)


def _shared_circle(points: np.ndarray) -> np.ndarray | None:
    """Return the circle that most points (row, column, slice) lie on, as lines; None for none."""
    if len(points) < LEAST_POINTS:
        return None
    best = np.zeros(len(points), bool)
    random = np.random.default_rng(0)
    for _ in range(TRIES):
        lines = _circle_through(points[random.choice(len(points), 3)], upright=True)
        if lines is not None:
            near = np.abs(_apart(points, lines)) <= 2 * TOLERANCE_VOXELS
            best = max(best, near, key=np.count_nonzero)
    for _ in range(REFINEMENTS):
        lines = _circle_through(points[best]) if best.sum() >= LEAST_POINTS else None
        if lines is None:
            return None
        best = np.abs(_apart(points, lines)) <= TOLERANCE_VOXELS
    return lines


def _apart(points: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Return how far points (row, column, slice) lie outside the circle, px."""
    row, column, radius = (np.polyval(line, points[:, 2]) for line in lines)
    return np.hypot(points[:, 0] - row, points[:, 1] - column) - radius


def _circle_through(points: np.ndarray, upright: bool = False) -> np.ndarray | None:
    """Fit a circle that moves and grows evenly from slice to slice, or the same in all (upright).

    Returns
    -------
    ndarray, shape (3, 2), or None
        Slope and offset of row, column and radius, px; None where the points lie on no circle.
    """
    row, column, number = points.T
    one = np.ones(len(points))
    if upright or np.ptp(number) == 0:
        table, powers = np.column_stack([2 * row, 2 * column, one]), 1
    else:
        table = np.column_stack(
            [2 * row * number, 2 * row, 2 * column * number, 2 * column, number**2, number, one]
        )
        powers = 2
    solution = np.linalg.lstsq(table, row**2 + column**2, rcond=None)[0]
    first, second = solution[:powers], solution[powers : 2 * powers]
    ends = np.array([number.min(), number.max()])
    squares = np.polyval(solution[2 * powers :], ends)
    squares = squares + np.polyval(first, ends) ** 2 + np.polyval(second, ends) ** 2
    if (squares <= 0).any():
        return None
    radii = np.sqrt(squares)
    slope = (radii[1] - radii[0]) / max(ends[1] - ends[0], 1)
    lines = [np.pad(first, (2 - powers, 0)), np.pad(second, (2 - powers, 0))]
    return np.array([*lines, [slope, radii[0] - slope * ends[0]]])
