"""Mutual information of a labelled section and a volume's plane, sampled and counted in one loop.

No intermediate image is made, and every slide pixel counts whatever the pose: outside the volume
there is air. Mutual information can so not rise by leaving the overlap.
"""

import numba
import numpy as np

from virtual_staining.register.similarity.pose import axes


@numba.njit(cache=True)
def _inside(start, step, last, count):
    """Return the range [a, b) of the steps that stay within half a voxel of 0 … ``last``."""
    low, high = -0.5 - start, last + 0.5 - start
    if step < 0:
        low, high, step = -high, -low, -step
    if step < 1e-12:
        return (0, count) if low <= 0 <= high else (0, 0)
    # beyond any slide, a range is empty all the same
    a, b = min(max(low / step, -1.0), count + 1.0), min(max(high / step, -1.0), count + 1.0)
    return max(int(np.ceil(a)), 0), min(int(np.floor(b)) + 1, count)


@numba.njit(cache=True, fastmath=True)
def _add_row(volume, x, y, z, dx, dy, dz, air, grey):
    """Add to ``grey`` the values along a line of voxel-index points; ``air`` outside.

    Trilinear; up to half a voxel outside the outermost centres their value counts. Indices are
    unsigned because signed ones are checked for Python's counting from the end.
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
    along_y, along_z = np.uintp(nx), np.uintp(nx) * np.uintp(ny)
    one = np.uintp(1)
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
        at = np.uintp(i) + np.uintp(j) * along_y + np.uintp(k) * along_z
        p, q = np.float32(flat[at]), np.float32(flat[at + one])
        front = p + fx * (q - p)
        p, q = np.float32(flat[at + along_y]), np.float32(flat[at + along_y + one])
        near = front + fy * (p + fx * (q - p) - front)
        at += along_z
        p, q = np.float32(flat[at]), np.float32(flat[at + one])
        front = p + fx * (q - p)
        p, q = np.float32(flat[at + along_y]), np.float32(flat[at + along_y + one])
        far = front + fy * (p + fx * (q - p) - front)
        grey[column] += near + fz * (far - near)


@numba.njit(cache=True, fastmath=True)
def joint_histogram(volume, voxel_um, air, labels, pixel_um, pose, offsets_um, histogram):
    """Count labels against grey values of the plane at a pose.

    Parameters
    ----------
    volume : ndarray, uint8 (z, y, x)
    voxel_um : float
    air : float
        Grey value outside the volume.
    labels : ndarray, uint8 (y, x)
        Colour class of each slide pixel.
    pixel_um : ndarray, shape (2,)
        Slide pixel's width and height, µm.
    pose : ndarray, shape (12,)
    offsets_um : ndarray, float
        Distances from the plane, along its normal, that a grey value is averaged over.
    histogram : ndarray, float32 (classes, bins)
        Overwritten. A grey value counts in its two nearest bins by linear weights, which makes
        mutual information continuous in the pose.
    """
    rows, columns = labels.shape
    u, v = axes(pose)
    normal = np.cross(pose[3:6], pose[6:9])
    du, dv = u * pixel_um[0] / voxel_um, v * pixel_um[1] / voxel_um
    corner = pose[:3] / voxel_um - 0.5 - 0.5 * ((columns - 1) * du + (rows - 1) * dv)
    shift = normal / voxel_um
    n_planes = len(offsets_um)
    bins = np.uintp(histogram.shape[1])
    to_bin = np.float32((histogram.shape[1] - 1.001) / 255.0 / n_planes)
    histogram[:] = 0
    flat = histogram.ravel()
    grey = np.empty(columns, np.float32)
    for row in range(rows):
        grey[:] = 0
        for offset in offsets_um:
            x, y, z = corner + row * dv + offset * shift
            _add_row(volume, x, y, z, du[0], du[1], du[2], np.float32(air), grey)
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
def score_poses(volume, voxel_um, air, labels, pixel_um, offsets_um, classes, bins, poses):
    """Return the mutual information, nats, at each of many poses (n, 12); see joint_histogram."""
    histogram = np.empty((classes, bins), np.float32)
    scores = np.empty(len(poses))
    for k in range(len(poses)):
        joint_histogram(volume, voxel_um, air, labels, pixel_um, poses[k], offsets_um, histogram)
        scores[k] = information(histogram)
    return scores


def histogram_at(scale, classes: int, bins: int, pose: np.ndarray) -> np.ndarray:
    """Return the joint histogram, float32 (classes, bins), of a scale at a pose (12,)."""
    histogram = np.empty((classes, bins), np.float32)
    volume, voxel_um, air, labels, pixel_um, offsets_um = scale.arguments
    joint_histogram(volume, voxel_um, air, labels, pixel_um, pose, offsets_um, histogram)
    return histogram
