"""A material of a scan, one mode of its grey levels, and the shapes of its matter."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

# Half the thickness of cores that only large bodies and open space have, µm.
CORE_UM = 300.0
# Shapes need no finer voxels, µm; most points of an outline whose hull is taken.
SHAPE_UM, HULL_POINTS = 40.0, 20000


@dataclass(frozen=True)
class Mode:
    """A material of a scan.

    Parameters
    ----------
    grey : float
        Mean grey level of its flat voxels.
    low, high : float
        Valleys beside the mode, grey levels.
    share : float
        Of all measured voxels.
    depth_um : float
        Half the thickness of its thickest part, µm.
    solid : float
        Share of its voxels that belong to parts thicker than two ``CORE_UM``.
    compact : float
        Volume of its largest body over that of the body's convex hull.
    spread_um : float
        Root of the mean squared distance of its matter from the matter's middle, µm.
    """

    grey: float
    low: float
    high: float
    share: float
    depth_um: float
    solid: float
    compact: float
    spread_um: float


def describe_mode(
    smooth: np.ndarray,
    inner: np.ndarray,
    values: np.ndarray,
    low: float,
    high: float,
    voxel_um: float,
) -> Mode:
    """Return a mode with the shapes of its matter.

    Parameters
    ----------
    smooth : ndarray of float32, shape (z, y, x)
        Grey levels after a blur of one voxel.
    inner : ndarray of bool, shape (z, y, x)
        Where the scan was measured.
    values : ndarray, shape (n,)
        Levels of flat voxels.
    low, high : float
        Bounds of the mode, grey levels.
    voxel_um : float
        Edge of a voxel, µm.
    """
    own = values[(values >= low) & (values < high)]
    matter = (smooth >= low) & (smooth < high) & inner
    step = max(1, round(SHAPE_UM / voxel_um))
    um = step * voxel_um
    coarse = np.pad(matter[::step, ::step, ::step], 2, mode="edge")  # the field's rim is no edge
    coarse = ndimage.binary_closing(coarse)[2:-2, 2:-2, 2:-2]
    depth = ndimage.distance_transform_edt(coarse) * um
    core = depth > CORE_UM
    near = core
    if core.any():
        near = coarse & (ndimage.distance_transform_edt(~core) * um <= CORE_UM + 2 * um)
    return Mode(
        grey=float(own.mean()),
        low=low,
        high=high,
        share=float(matter.sum() / inner.sum()),
        depth_um=float(depth.max()) if not coarse.all() else float(max(coarse.shape) * um),
        solid=float(near.sum() / max(coarse.sum(), 1)),
        compact=_compact(near),
        spread_um=um * float(np.sqrt(np.argwhere(coarse).var(0).sum())) if coarse.any() else 0.0,
    )


def _compact(bodies: np.ndarray) -> float:
    """Volume of the largest body over that of its convex hull; 0 without a body."""
    pieces, count = ndimage.label(bodies)
    if not count:
        return 0.0
    body = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    rim = np.argwhere(body & ~ndimage.binary_erosion(body))
    rim = rim[:: max(1, len(rim) // HULL_POINTS)].astype(float)
    try:
        corners = np.concatenate([rim - 0.5, rim + 0.5])
        return float(min(1.0, body.sum() / ConvexHull(corners).volume))
    except QhullError:
        return 0.0
