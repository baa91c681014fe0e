"""Mutual information between the section's colours and the grey values of a plane of the volume.

For each pose the plane is sampled and the joint histogram counted in one compiled loop, without an
intermediate image. Every slide pixel counts whatever the pose is; points outside the volume have
the grey value of air. The score therefore cannot improve by moving the section out of the volume.
"""

import numba
import numpy as np

from virtual_staining.register.similarity.pose import CENTER, X_AXIS, Y_AXIS, map_columns


@numba.njit(cache=True)
def _inside(start, step, last, count):
    """Return the range [a, b) of the steps that stay within half a voxel of 0 … ``last``."""
    low, high = -0.5 - start, last + 0.5 - start
    if step < 0:
        low, high, step = -high, -low, -step
    if step < 1e-12:
        return (0, count) if low <= 0 <= high else (0, 0)
    # the limits keep the conversion to int safe; beyond them the range is empty in any case
    a, b = min(max(low / step, -1.0), count + 1.0), min(max(high / step, -1.0), count + 1.0)
    return max(int(np.ceil(a)), 0), min(int(np.floor(b)) + 1, count)


@numba.njit(cache=True, fastmath=True)
def _add_row(volume, x, y, z, dx, dy, dz, air, grey):
    """Add to ``grey`` the values along a line of voxel-index points; ``air`` outside the volume.

    Interpolation is trilinear. Up to half a voxel outside the outermost voxel centres the value of
    the outermost voxel is taken. Indices are unsigned because numba checks signed indices for
    counting from the end.
    """
    nz, ny, nx = volume.shape
    count = len(grey)
    a, b = _inside(x, dx, nx - 1, count)
    a1, b1 = _inside(y, dy, ny - 1, count)
    a2, b2 = _inside(z, dz, nz - 1, count)
    a, b = max(a, a1, a2), min(b, b1, b2)
    if b <= a:
        a = b = 0
    for column in range(a):
        grey[column] += air
    for column in range(b, count):
        grey[column] += air
    flat = volume.ravel()
    next_x, next_y, next_z = np.uintp(1), np.uintp(nx), np.uintp(nx) * np.uintp(ny)
    limit_x, limit_y, limit_z = (
        np.float32(nx - 1.001),
        np.float32(ny - 1.001),
        np.float32(nz - 1.001),
    )
    zero = np.float32(0)
    for column in range(a, b):
        px = min(max(np.float32(x + column * dx), zero), limit_x)
        py = min(max(np.float32(y + column * dy), zero), limit_y)
        pz = min(max(np.float32(z + column * dz), zero), limit_z)
        i, j, k = np.int32(px), np.int32(py), np.int32(pz)
        fx, fy, fz = px - np.float32(i), py - np.float32(j), pz - np.float32(k)
        at = np.uintp(i) + np.uintp(j) * next_y + np.uintp(k) * next_z
        p, q = np.float32(flat[at]), np.float32(flat[at + next_x])
        front = p + fx * (q - p)
        p, q = np.float32(flat[at + next_y]), np.float32(flat[at + next_y + next_x])
        near = front + fy * (p + fx * (q - p) - front)
        at += next_z
        p, q = np.float32(flat[at]), np.float32(flat[at + next_x])
        front = p + fx * (q - p)
        p, q = np.float32(flat[at + next_y]), np.float32(flat[at + next_y + next_x])
        far = front + fy * (p + fx * (q - p) - front)
        grey[column] += near + fz * (far - near)


@numba.njit(cache=True, fastmath=True)
def joint_histogram(scale, pose, histogram):
    """Count the section's colour classes against the grey values of the plane at a pose.

    Parameters
    ----------
    scale : Scale
        Volume and section at one voxel size.
    pose : ndarray, shape (12,)
    histogram : ndarray, float32 (classes, bins)
        Overwritten. A grey value counts in its two nearest bins by linear weights, which makes
        mutual information continuous in the pose.
    """
    labels, pixel_um, voxel_um = scale.labels, scale.pixel_um, scale.voxel_um
    air = np.float32(scale.air)
    rows, columns = labels.shape
    u, v = map_columns(pose)
    normal = np.cross(pose[X_AXIS], pose[Y_AXIS])
    du, dv = u * pixel_um[0] / voxel_um, v * pixel_um[1] / voxel_um
    corner = pose[CENTER] / voxel_um - 0.5 - 0.5 * ((columns - 1) * du + (rows - 1) * dv)
    shift = normal / voxel_um
    bins = np.uintp(histogram.shape[1])
    to_bin = np.float32((histogram.shape[1] - 1.001) / 255.0 / len(scale.offsets_um))
    histogram[:] = 0
    flat = histogram.ravel()
    grey = np.empty(columns, np.float32)
    for row in range(rows):
        grey[:] = 0
        for offset in scale.offsets_um:
            x, y, z = corner + row * dv + offset * shift
            _add_row(scale.volume, x, y, z, du[0], du[1], du[2], air, grey)
        for column in range(columns):
            position = grey[column] * to_bin
            low = np.int32(position)
            weight = position - np.float32(low)
            at = np.uintp(labels[row, column]) * bins + np.uintp(low)
            flat[at] += np.float32(1) - weight
            flat[at + np.uintp(1)] += weight


@numba.njit(cache=True, fastmath=True)
def information(histogram):
    """Return the mutual information, nats, of a joint histogram (classes, bins)."""
    classes, bins = histogram.shape
    total = 0.0
    by_bin = np.zeros(bins)
    by_class = np.zeros(classes)
    result = 0.0
    for i in range(classes):
        for j in range(bins):
            n = histogram[i, j]
            if n > 0:
                by_class[i] += n
                by_bin[j] += n
                result += n * np.log(n)
    for i in range(classes):
        total += by_class[i]
        if by_class[i] > 0:
            result -= by_class[i] * np.log(by_class[i])
    for j in range(bins):
        if by_bin[j] > 0:
            result -= by_bin[j] * np.log(by_bin[j])
    return result / total + np.log(total)


@numba.njit(cache=True)
def score_poses(scale, bins, poses):
    """Return the mutual information, nats, at each of many poses (n, 12), shape (n,).

    ``bins`` is the number of grey bins of the joint histogram; see :func:`joint_histogram`.
    """
    histogram = np.empty((scale.n_classes, bins), np.float32)
    scores = np.empty(len(poses))
    for k in range(len(poses)):
        joint_histogram(scale, poses[k], histogram)
        scores[k] = information(histogram)
    return scores


def histogram_at(scale, bins: int, pose: np.ndarray) -> np.ndarray:
    """Return the joint histogram, float32 (classes, bins), of a scale at a pose (12,)."""
    histogram = np.empty((scale.n_classes, bins), np.float32)
    joint_histogram(scale, pose, histogram)
    return histogram
