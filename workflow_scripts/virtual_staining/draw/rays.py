"""Loops over the rays of a picture, compiled.

Points are voxels (x, y, z) from the volume's outer corner; fields are (z, y, x[, …]).
"""

import numba
import numpy as np

from virtual_staining.draw.fields import BLOCK
from virtual_staining.draw.interpolation import colour_at, slope_at, value_at

STEP_VOXEL = 0.5  # between samples on a ray; longer steps show as contour lines on surfaces
METAL = np.array([0.66, 0.68, 0.71])
CT_FACE = 1  # number of the wedge's face that shows the CT; face 0 shows the stain
FAR = 1e9


@numba.njit(cache=True, nogil=True, inline="always")
def _go(start, ahead, depth, out):
    """Put the point of a ray at a depth into ``out``; new arrays would cost most of the time."""
    for m in range(3):
        out[m] = start[m] + depth * ahead[m]


@numba.njit(cache=True, nogil=True, inline="always")
def _add(sum_, weight, colour):
    """Add a weighted colour to ``sum_``."""
    for m in range(3):
        sum_[m] += weight * colour[m]


@numba.njit(cache=True, nogil=True)
def _through_box(start, ahead, count):
    """Return from where to where a ray is in the volume of ``count`` (x, y, z) voxels."""
    near, far = -FAR, FAR
    for m in range(3):
        one, two = -start[m] / ahead[m], (count[m] - start[m]) / ahead[m]
        near, far = max(near, min(one, two)), min(far, max(one, two))
    return near, far


@numba.njit(cache=True, nogil=True)
def _through_wedge(start, ahead, edge, normals):
    """Return from where to where a ray is in the wedge, and on which face the ray leaves."""
    enter, leave, face = -FAR, FAR, -1
    for f in range(2):
        level, rate = 0.0, 0.0
        for m in range(3):
            level += (start[m] - edge[m]) * normals[f, m]
            rate += ahead[m] * normals[f, m]
        if abs(rate) < 1e-12:
            leave = leave if level > 0 else -FAR
        elif rate > 0:
            enter = max(enter, -level / rate)
        elif -level / rate < leave:
            leave, face = -level / rate, f
    return enter, leave, face


@numba.njit(cache=True, nogil=True)
def _to_surface(implant, start, ahead, depth, p):
    """Move ``p`` to where a ray met the implant's surface in the step before ``depth``."""
    low, high = depth - STEP_VOXEL, depth
    for _ in range(5):
        half = (low + high) / 2
        _go(start, ahead, half, p)
        if value_at(implant, p[0], p[1], p[2]) > 0.5:
            high = half
        else:
            low = half
    _go(start, ahead, high, p)


@numba.njit(cache=True, nogil=True)
def _metal(implant, p, light, ahead, out):
    """Shade the implant's surface at a point; ``out`` gets the colour."""
    x, y, z = p[0], p[1], p[2]
    gx = value_at(implant, x - 1, y, z) - value_at(implant, x + 1, y, z)
    gy = value_at(implant, x, y - 1, z) - value_at(implant, x, y + 1, z)
    gz = value_at(implant, x, y, z - 1) - value_at(implant, x, y, z + 1)
    length = np.sqrt(gx * gx + gy * gy + gz * gz) + 1e-6
    facing = max(0.0, (gx * light[0] + gy * light[1] + gz * light[2]) / length)
    hx, hy, hz = light[0] - ahead[0], light[1] - ahead[1], light[2] - ahead[2]
    shine = (gx * hx + gy * hy + gz * hz) / (length * np.sqrt(hx * hx + hy * hy + hz * hz))
    for m in range(3):
        out[m] = METAL[m] * (0.38 + 0.62 * facing) + 0.35 * max(0.0, shine) ** 30


@numba.njit(cache=True, nogil=True)
def _shade(length, normal, light):
    """Return the brightness of tissue whose opacity has this gradient and its length."""
    facing = max(0.0, -(normal[0] * light[0] + normal[1] * light[1] + normal[2] * light[2]))
    # in noise and inside a body there is no surface to shade
    flat = min(max((length - 0.015) / 0.06, 0.0), 1.0)
    return 0.95 * (1 - flat) + flat * (0.42 + 0.58 * facing / (length + 1e-6))


@numba.njit(cache=True, nogil=True)
def _on_face(fields, p, face, out):
    """Tell whether the wedge's face shows tissue at a point; ``out`` gets the colour."""
    x, y, z = p[0], p[1], p[2]
    if colour_at(fields.colour, x, y, z, out) <= 0.5 or value_at(fields.implant, x, y, z) >= 0.5:
        return False
    if face == CT_FACE:
        out[:3] = out[3]
    return True


@numba.njit(cache=True, nogil=True)
def _cast_ray(start, ahead, light, fields, faces, room):
    """Add up what one ray meets; return how much light passes.

    ``room`` are arrays to work in: the sum (RGB), a colour with the CT, a direction and a point.
    """
    sum_, colour, normal, p = room
    sum_[:] = 0.0
    shape = fields.filled.shape
    near, far = _through_box(start, ahead, fields.opacity.shape[::-1])
    enter, leave, face = _through_wedge(start, ahead, *faces)
    left, depth = 1.0, near
    to_meet = near < leave < far and enter < leave  # the face is still ahead
    while depth < far and left > 0.01:
        if to_meet and depth >= leave:
            to_meet = False
            _go(start, ahead, leave, p)
            if _on_face(fields, p, face, colour):
                _add(sum_, left, colour)
                return 0.0
        within = enter <= depth < leave
        _go(start, ahead, depth, p)
        x, y, z = p[0], p[1], p[2]
        block = fields.filled[
            min(max(int(z / BLOCK), 0), shape[0] - 1),
            min(max(int(y / BLOCK), 0), shape[1] - 1),
            min(max(int(x / BLOCK), 0), shape[2] - 1),
        ]
        # the blocks around are empty as well: half a block's length passes over nothing
        if block == 0 or (within and block == 1):
            depth += BLOCK / 2
            continue
        if block == 2 and value_at(fields.implant, x, y, z) > 0.5:
            _to_surface(fields.implant, start, ahead, depth, p)
            _metal(fields.implant, p, light, ahead, colour)
            _add(sum_, left, colour)
            return 0.0
        opacity = 0.0 if within else value_at(fields.opacity, x, y, z)
        if opacity > 0.01:
            share = 1 - (1 - min(opacity, 0.999)) ** STEP_VOXEL
            shade = _shade(slope_at(fields.slope, x, y, z, normal), normal, light)
            colour_at(fields.colour, x, y, z, colour)
            _add(sum_, left * share * shade, colour)
            left *= 1 - share
        depth += STEP_VOXEL
    return left


@numba.njit(cache=True, nogil=True)
def cast_rows(rays, first, last, fields, view, faces):
    """Fill rows of a square picture.

    Parameters
    ----------
    rays : ndarray of float32, shape (n, n, 3)
        The picture; RGB from 0 to 1.
    first, last : int
        Rows from and up to.
    fields : Fields
    view : tuple
        Middle, right, up and ahead of the camera, the picture's width in voxels, and the direction
        to the light.
    faces : (ndarray, ndarray)
        A point on the wedge's edge and the normals of its faces.
    """
    center, right, up, ahead, width, light = view
    size = rays.shape[0]
    sum_, start = np.zeros(3), np.zeros(3)
    room = (sum_, np.zeros(4), np.zeros(3), np.zeros(3))
    for row in range(first, min(last, size)):
        for column in range(size):
            s = ((column + 0.5) / size - 0.5) * width
            t = (0.5 - (row + 0.5) / size) * width
            for m in range(3):
                start[m] = center[m] + s * right[m] + t * up[m]
            left = _cast_ray(start, ahead, light, fields, faces, room)
            for m in range(3):
                rays[row, column, m] = sum_[m] + left
