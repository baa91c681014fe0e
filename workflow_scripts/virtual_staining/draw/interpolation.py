"""Interpolation in fields (z, y, x[, …]) at points x, y, z, compiled.

Points are voxels from the volume's outer corner.
"""

import numba
import numpy as np


@numba.njit(cache=True, nogil=True, inline="always")
def _corner(p, n):
    """Return the lower voxel of an interpolation along an axis of n voxels, and its share."""
    p = min(max(p - 0.5, 0.0), n - 1.001)
    return int(p), p - int(p)


@numba.njit(cache=True, nogil=True)
def value_at(field, x, y, z):
    """Interpolate a field (z, y, x) at a point, voxels from the outer corner."""
    k, c = _corner(z, field.shape[0])
    j, b = _corner(y, field.shape[1])
    i, a = _corner(x, field.shape[2])
    low = (field[k, j, i] * (1 - a) + field[k, j, i + 1] * a) * (1 - b)
    low += (field[k, j + 1, i] * (1 - a) + field[k, j + 1, i + 1] * a) * b
    high = (field[k + 1, j, i] * (1 - a) + field[k + 1, j, i + 1] * a) * (1 - b)
    high += (field[k + 1, j + 1, i] * (1 - a) + field[k + 1, j + 1, i + 1] * a) * b
    return low * (1 - c) + high * c


@numba.njit(cache=True, nogil=True)
def colour_at(field, x, y, z, out):
    """Interpolate the specimen's colours alone; ``out`` gets RGB and CT (0–1); return its share."""
    k, c = _corner(z, field.shape[0])
    j, b = _corner(y, field.shape[1])
    i, a = _corner(x, field.shape[2])
    out[:] = 0.0
    total = 0.0
    for n in range(8):
        w = (c if n & 4 else 1 - c) * (b if n & 2 else 1 - b) * (a if n & 1 else 1 - a)
        voxel = field[k + (n >> 2), j + ((n >> 1) & 1), i + (n & 1)]
        if w > 0 and voxel[4] > 0:
            total += w
            for m in range(4):
                out[m] += w * voxel[m]
    for m in range(4):
        out[m] = out[m] / (255 * total) if total > 0 else 1.0
    return total


@numba.njit(cache=True, nogil=True)
def slope_at(field, x, y, z, out):
    """Interpolate a field of vectors (z, y, x, 3); return the length."""
    k, c = _corner(z, field.shape[0])
    j, b = _corner(y, field.shape[1])
    i, a = _corner(x, field.shape[2])
    out[:] = 0.0
    for n in range(8):
        w = (c if n & 4 else 1 - c) * (b if n & 2 else 1 - b) * (a if n & 1 else 1 - a)
        for m in range(3):
            out[m] += w * field[k + (n >> 2), j + ((n >> 1) & 1), i + (n & 1), m]
    return np.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2)
