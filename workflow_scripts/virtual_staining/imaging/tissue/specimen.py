"""The specimen in a volume: the convex bodies that its pieces of rigid matter fill (paper 2.8).

The paper outlines the rigid tissue of one CT plane by its convex hull. The hull here is that of
all the volume's rigid matter, cut by the plane: what belongs together is seen in three dimensions,
and neighbouring planes, a registered section among them, agree.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from scipy import ndimage
from scipy.spatial import ConvexHull

from virtual_staining.imaging.geometry import PlaneGrid
from virtual_staining.imaging.polygons import rasterize
from virtual_staining.imaging.tissue.holder import Bore, find_bore
from virtual_staining.settings.mask import MaskSettings

# Rigid matter within this distance belongs to one piece, µm: trabeculae stand closer.
LINK_UM = 300.0
# Blur that keeps noise out of dense matter, voxels, and out of faint matter, µm.
SMOOTH_VOXELS, SMOOTH_UM = 0.7, 40.0
# The blurs of scan and search move the outline of what is above ``rigid_level`` outwards by this.
OUTWARD_VOXELS = 0.3
# Least level of a faint implant: PEEK has 0.11 at least, dry soft tissue 0.07 at most (NIST
# attenuation at 25 to 45 keV).
FAINT_LEVEL = 0.09
# Half the thickness above which faint matter is looked at, µm. An implant (screw core: 1.5 mm) is
# thicker than this and than all other faint bodies by this factor: lumps of wet tissue are alike.
BODY_HALF_THICKNESS_UM, DEEPER = 300.0, 1.4
# Least level of a faint implant's matter, of its own: dry soft tissue has 0.25 to 0.28 of PEEK's.
OWN_LEVEL = 0.6
# A faint body whose hull holds more of the dense matter than this is what surrounds the specimen.
MOST_ENCLOSED = 0.5
# Half the thickness of the thickest holder wall, µm.
WALL_HALF_THICKNESS_UM = 250.0
# Half the edge of a voxel in the hulls, voxels: outermost voxels are half filled on average, and a
# plane must have some thickness.
CORNER_VOXELS = 0.05
# Directions in which a body's margin is added, a cube's corners, faces and edges.
_CUBE = np.stack(np.meshgrid(*[(-1, 0, 1)] * 3), -1).reshape(-1, 3)
DIRECTIONS = np.array([way / np.linalg.norm(way) for way in _CUBE if way.any()])
DIRECTIONS_REACH = 0.93  # least extent of these directions' hull in any direction


@dataclass(frozen=True)
class Specimen:
    """The convex bodies of a specimen's pieces.

    Parameters
    ----------
    bodies : tuple of ConvexHull
        In volume µm (x, y, z), largest piece first.
    """

    bodies: tuple[ConvexHull, ...]

    def cut(self, grid: PlaneGrid) -> list[np.ndarray]:
        """Return what each piece covers of a plane, bool (rows, columns) each; none if nothing."""
        outlines = (_cut(body, grid) for body in self.bodies)
        found = [outline for outline in outlines if outline is not None]
        to_px = np.eye(2, 3) / grid.pixel_um
        covered = [rasterize([outline], to_px, grid.shape) for outline in found]
        return [area for area in covered if area.any()]


def find_specimen(
    level: np.ndarray, measured: np.ndarray, voxel_um: float, settings: MaskSettings
) -> Specimen:
    """Find the pieces of a specimen in a volume, or in a plane as a volume of one slice.

    Parameters
    ----------
    level : ndarray of float32, shape (z, y, x)
        Grey levels, background 0 and bone 1.
    measured : ndarray of bool, shape (z, y, x)
        False where the volume holds no data.
    voxel_um : float
        Voxel size, µm.
    settings : MaskSettings
        Uses ``rigid_level``, ``min_thickness_um``, ``min_component`` and ``margin_um``.

    Returns
    -------
    Specimen
        Without bodies where nothing is rigid.
    """
    bore = find_bore(level, measured, voxel_um)
    inside = measured if bore is None else measured & ~_wall(bore, level, voxel_um)
    dense = inside & dense_matter(level, settings.rigid_level)
    dense = _without_specks(dense, voxel_um, settings.min_thickness_um)
    smooth = ndimage.gaussian_filter(level, SMOOTH_UM / voxel_um)
    smooth[~inside | (smooth >= settings.rigid_level)] = 0
    rigid = dense | _faint_implant(smooth, dense, voxel_um)
    corners = _merged(rigid_pieces(rigid, voxel_um, settings.min_component))
    margin_um = max(settings.margin_um - OUTWARD_VOXELS * voxel_um, 0)
    return Specimen(tuple(_body(points * voxel_um, margin_um) for points in corners))


def dense_matter(level: np.ndarray, rigid_level: float) -> np.ndarray:
    """Return which voxels are above a level after a blur against noise, bool (z, y, x).

    Parameters
    ----------
    level : ndarray of float32, shape (z, y, x)
        Grey levels, background 0 and bone 1.
    rigid_level : float
        Least level of dense matter.
    """
    blurred = np.minimum(level, 1)  # metal spreads no further
    ndimage.gaussian_filter(blurred, SMOOTH_VOXELS, output=blurred)
    return blurred > rigid_level


def _without_specks(dense: np.ndarray, voxel_um: float, least_um: float) -> np.ndarray:
    """Drop what is smaller than a cube, or in a single slice a square, of an edge ``least_um``."""
    least = (least_um / voxel_um) ** sum(n > 1 for n in dense.shape)
    parts, _ = ndimage.label(dense, np.ones((3, 3, 3)))
    large = np.bincount(parts.ravel()) >= least
    large[0] = False
    return large[parts]


def rigid_pieces(rigid: np.ndarray, voxel_um: float, min_component: float) -> list[np.ndarray]:
    """Divide rigid matter into pieces, largest first.

    Rigid voxels that lie within ``LINK_UM`` belong to one piece. A thin piece apart from the
    largest that leaves the field is a holder's wall.

    Parameters
    ----------
    rigid : ndarray of bool, shape (z, y, x)
    voxel_um, min_component : float
        As in :func:`find_specimen`.

    Returns
    -------
    list of ndarray of bool, shape (z, y, x)
    """
    if not rigid.any():
        return []
    near = ndimage.distance_transform_edt(~rigid) * voxel_um <= LINK_UM / 2
    joined, _ = ndimage.label(near, np.ones((3, 3, 3)))
    joined[~rigid] = 0
    sizes = np.bincount(joined.ravel())
    sizes[0] = 0
    numbers = np.argsort(-sizes, kind="stable")
    pieces = [joined == n for n in numbers if sizes[n] >= max(1, min_component * sizes.max())]
    return pieces[:1] + [piece for piece in pieces[1:] if not _is_wall(piece, voxel_um)]


def _merged(pieces: list[np.ndarray]) -> list[np.ndarray]:
    """Return the corners (n, 3), voxels (z, y, x), of pieces; where hulls overlap, of both."""
    corners = [_corners(piece, CORNER_VOXELS) for piece in pieces]
    number = 0
    while number < len(corners):
        hull = ConvexHull(corners[number])
        inside = [
            k for k, points in enumerate(corners) if k != number and _holds(hull, points).any()
        ]
        if inside:
            other = inside[0]
            joined = np.concatenate([corners[number], corners[other]])
            corners = [c for k, c in enumerate(corners) if k not in (number, other)]
            corners.insert(0, joined)
            number = 0
        else:
            corners[number] = corners[number][hull.vertices]
            number += 1
    return corners


def _holds(hull: ConvexHull, points: np.ndarray) -> np.ndarray:
    """Return which points (n, 3) lie in a hull, bool; at most some thousands are looked at."""
    some = points[:: max(1, len(points) // 4000)]
    return (some @ hull.equations[:, :3].T + hull.equations[:, 3] <= 0).all(1)


def _is_wall(piece: np.ndarray, voxel_um: float) -> bool:
    """Tell whether a piece is thin and leaves the field on a side."""
    faces = [piece.take(end, axis) for axis in range(3) if piece.shape[axis] > 1 for end in (0, -1)]
    if not any(face.any() for face in faces):
        return False
    half_um = ndimage.distance_transform_edt(piece).max() * voxel_um
    return bool(half_um < WALL_HALF_THICKNESS_UM)


def _wall(bore: Bore, level: np.ndarray, voxel_um: float) -> np.ndarray:
    """Return what is not inside a holder, bool (z, y, x); denser matter in the wall stays.

    The wall's grey level spreads by noise and by the shares of air at its sides.
    """
    depth_um = bore.depth_um(level.shape, voxel_um)
    ring = level[np.abs(depth_um + bore.wall_um / 2) < bore.wall_um / 4]
    usual = np.median(ring)
    spread = 1.4826 * np.median(np.abs(ring - usual))
    outside = depth_um < 0
    denser = (level > usual + 4 * spread) & (depth_um > -bore.wall_um)
    return outside & ~denser


def _faint_implant(smooth: np.ndarray, dense: np.ndarray, voxel_um: float) -> np.ndarray:
    """Return the solid body among faint matter that is thicker than all others, bool (z, y, x).

    A PEEK implant is no brighter than the blurred edge of bone; its thickness tells it from such
    edges, from a holder's wall and from trabeculae among marrow. Resin, water and wet tissue are
    as bright; resin and water surround the bone, wet tissue lies in lumps of one size.
    """
    none = np.zeros(smooth.shape, bool)
    depth_um, cores = _cores(_above(smooth, FAINT_LEVEL, dense), voxel_um)
    if not cores.any():
        return none
    depths = ndimage.maximum(depth_um, cores, range(1, cores.max() + 1))
    deepest = int(np.argmax(depths))
    others = np.delete(depths, deepest).max(initial=BODY_HALF_THICKNESS_UM)
    if depths[deepest] < DEEPER * others:
        return none
    core = cores == deepest + 1
    # noise cuts a body near the least level apart; its own level tells what belongs to it
    faint = _above(smooth, min(FAINT_LEVEL, OWN_LEVEL * float(np.median(smooth[core]))), dense)
    _, cores = _cores(faint, voxel_um)
    core |= np.isin(cores, np.setdiff1d(cores[core], 0))
    apart_um = ndimage.distance_transform_edt(~core) * voxel_um
    body = faint & (apart_um <= BODY_HALF_THICKNESS_UM + 2 * SMOOTH_UM)
    # blurred, the body's outermost voxels lie below the level, which is not far below the body's
    return none if _encloses(body, dense) else ndimage.binary_dilation(body)


def _above(smooth: np.ndarray, least: float, dense: np.ndarray) -> np.ndarray:
    """Return faint matter above a level: most of a voxel's neighbours decide, against noise."""
    faint = ((smooth > least) & ~dense).astype(np.float32)
    return ~dense & (ndimage.uniform_filter(faint, 3) > 0.5)


def _cores(faint: np.ndarray, voxel_um: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the depth of each voxel in faint matter, µm, and the numbers of the deep places."""
    depth_um = ndimage.distance_transform_edt(faint) * voxel_um
    return depth_um, ndimage.label(depth_um > BODY_HALF_THICKNESS_UM)[0]


def _encloses(body: np.ndarray, dense: np.ndarray) -> bool:
    """Tell whether the hull of a body holds most of the dense matter."""
    if not dense.any():
        return False
    share = _holds(ConvexHull(_corners(body, 0.5)), np.argwhere(dense)).mean()
    return bool(share > MOST_ENCLOSED)


def _corners(piece: np.ndarray, reach: float) -> np.ndarray:
    """Return points (z, y, x), voxels from the volume's corner, whose hull is that of a piece.

    Of each row of voxels, the first and the last count. A piece at a face of the volume reaches the
    face.
    """
    rows = piece.any(2)
    place = np.argwhere(rows)
    first = piece.argmax(2)[rows]
    last = piece.shape[2] - 1 - piece[:, :, ::-1].argmax(2)[rows]
    ends = np.concatenate([np.column_stack([place, first]), np.column_stack([place, last])])
    cube = _CUBE[np.abs(_CUBE).all(1)]
    last_voxel = np.array(piece.shape) - 1
    at_face = np.where(cube < 0, ends[:, None] == 0, ends[:, None] == last_voxel)
    return (ends[:, None] + 0.5 + cube * np.where(at_face, 0.5, reach)).reshape(-1, 3)


def _body(corners: np.ndarray, margin_um: float) -> ConvexHull:
    """Return the hull of points (z, y, x) with a margin, all in µm; its axes are x, y, z."""
    wide = corners[:, None, ::-1] + margin_um / DIRECTIONS_REACH * DIRECTIONS
    return ConvexHull(wide.reshape(-1, 3))


def _cut(body: ConvexHull, grid: PlaneGrid) -> shapely.Polygon | None:
    """Return the outline of a body in a plane, µm on the plane; None where the plane misses it."""
    frame = grid.to_volume
    height = (body.points - frame.origin_um) @ frame.normal
    edges = np.concatenate([body.simplices[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    a, b = edges[height[edges[:, 0]] * height[edges[:, 1]] < 0].T
    if a.size < 3:
        return None
    share = (height[a] / (height[a] - height[b]))[:, None]
    crossings = frame.to_slide(body.points[a] + share * (body.points[b] - body.points[a]))
    outline = shapely.MultiPoint(crossings).convex_hull
    return outline if outline.area > 0 else None
