"""The specimen in a volume: the convex bodies that its pieces of rigid matter fill (paper 2.8).

The paper outlines the rigid tissue of one CT plane by its convex hull. The hull here is that of
all the volume's rigid matter, cut by the plane: what belongs together is seen in three dimensions,
and neighbouring planes, a registered section among them, agree.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull

from virtual_staining.imaging.geometry import PlaneGrid
from virtual_staining.imaging.polygons import rasterize
from virtual_staining.imaging.tissue.convex_bodies import joined_corners, plane_outline, with_margin
from virtual_staining.imaging.tissue.faint_body import SMOOTH_UM, faint_body
from virtual_staining.imaging.tissue.holder import Bore, find_bore
from virtual_staining.settings.mask import MaskSettings

# Rigid matter within this distance belongs to one piece, µm: trabeculae stand closer.
LINK_UM = 300.0
# Blur that keeps noise out of dense matter, voxels.
SMOOTH_VOXELS = 0.7
# The blurs of scan and search move the outline of what is above ``rigid_level`` outwards by this.
OUTWARD_VOXELS = 0.3
# Half the thickness of the thickest holder wall, µm.
WALL_HALF_THICKNESS_UM = 250.0


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
        outlines = (plane_outline(body, grid) for body in self.bodies)
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
    rigid = dense | faint_body(smooth, dense, voxel_um)
    corners = joined_corners(rigid_pieces(rigid, voxel_um, settings.min_component))
    margin_um = max(settings.margin_um - OUTWARD_VOXELS * voxel_um, 0)
    return Specimen(tuple(with_margin(points * voxel_um, margin_um) for points in corners))


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
