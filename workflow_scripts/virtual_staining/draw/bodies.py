"""Where a body of voxels lies: its axis, and the ball around it."""

import numpy as np
from scipy import ndimage

LEAST_SKEWNESS = 0.05  # of the lengths along a body's axis, from which its ends differ


def body_axis(body: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle (x, y, z), voxels from the outer corner, and the longest axis of a body.

    The axis points to the thinner end (a screw's tip), or, where the ends are alike, along the
    volume axis that it is nearest to.
    """
    if not body.any():
        return np.array(body.shape[::-1]) / 2, np.array([0.0, 0.0, 1.0])
    points = np.argwhere(body)[:, ::-1] + 0.5
    middle = points.mean(0)
    _, vectors = np.linalg.eigh(np.cov((points - middle).T))
    axis = vectors[:, -1]
    along = (points - middle) @ axis
    skewness = (along**3).mean() / along.std() ** 3
    sign = skewness if abs(skewness) > LEAST_SKEWNESS else axis[np.argmax(np.abs(axis))]
    return middle, axis * np.sign(sign)


def body_ball(body: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the middle (x, y, z) and the radius of the ball around a body, voxels."""
    if not body.any():
        body = np.ones_like(body)
    surface = np.argwhere(body & ~ndimage.binary_erosion(body))[:, ::-1] + 0.5
    middle = (surface.min(0) + surface.max(0)) / 2
    return middle, float(np.linalg.norm(surface - middle, axis=1).max())
