"""Pictures of a stained volume: shaded tissue, a wedge cut out of it, the implant left whole.

VTK does the same with 566 MB installed and takes two to three times as long without a graphics
card; the loops in ``rays`` need nothing that is not here already.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from virtual_staining.draw.fields import Fields
from virtual_staining.draw.rays import FAR, cast_rows

BAND_ROWS = 16  # rows of the picture that one thread casts at a time


@dataclass(frozen=True)
class Wedge:
    """The part that is cut away: where both normals point.

    Parameters
    ----------
    middle : ndarray, shape (3,)
        Point (x, y, z) on the wedge's edge, voxels from the volume's outer corner.
    normals : ndarray, shape (2, 3)
        Of the face with the stain and of the face with the CT.
    """

    middle: np.ndarray
    normals: np.ndarray


@dataclass(frozen=True)
class Camera:
    """Parallel rays.

    Parameters
    ----------
    center : ndarray, shape (3,)
        Volume point (x, y, z) in the middle of the picture, voxels.
    right, up : ndarray, shape (3,)
        Unit vectors of the picture.
    half : float
        Half of the picture's side, voxels.
    """

    center: np.ndarray
    right: np.ndarray
    up: np.ndarray
    half: float

    @property
    def ahead(self) -> np.ndarray:
        """Unit vector of the rays; no component is 0, because the rays divide by them."""
        ahead = np.cross(self.up, self.right)
        return np.where(np.abs(ahead) < 1e-9, 1e-9, ahead)


def cast(
    fields: Fields,
    camera: Camera,
    wedge: Wedge | None,
    side: int,
    threads: int = 1,
    samples: int = 2,
) -> np.ndarray:
    """Draw a volume on white.

    Parameters
    ----------
    fields : Fields
    camera : Camera
    wedge : Wedge or None
        Cut out of the tissue; the implant stays whole.
    side : int
        Pixels a side of the picture.
    threads : int
    samples : int
        Rays along each side of a pixel, which shows their mean.

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)
    """
    rays = np.ones((samples * side, samples * side, 3), np.float32)
    if wedge is None:
        wedge = Wedge(np.full(3, FAR), np.eye(3)[:2])
    light = -camera.ahead - 0.55 * camera.right + 0.6 * camera.up
    light /= np.linalg.norm(light)
    view = (camera.center, camera.right, camera.up, camera.ahead, 2 * camera.half, light)
    faces = (wedge.middle, wedge.normals)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(cast_rows, rays, row, row + BAND_ROWS, fields, view, faces)
            for row in range(0, len(rays), BAND_ROWS)
        ]
        for job in jobs:
            job.result()
    picture = rays.reshape(side, samples, side, samples, 3).mean((1, 3))
    return (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
