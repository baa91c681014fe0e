"""Mutual information of a labelled section and a volume's plane, sampled and counted in one loop.

No intermediate image is made, and every slide pixel counts whatever the pose: outside the volume
there is air. Mutual information can so not rise by leaving the overlap.
"""

import numba
import numpy as np

from virtual_staining.register.pose import axes


@numba.njit(cache=True, fastmath=True)
def _trilinear(volume, x, y, z, air):
    """Interpolate a volume at a voxel-index point; ``air`` more than half a voxel outside."""
    nz, ny, nx = volume.shape
    if not (-0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5 and -0.5 <= z <= nz - 0.5):
        return np.float32(air)
    x = min(max(x, 0.0), nx - 1.001)
    y = min(max(y, 0.0), ny - 1.001)
    z = min(max(z, 0.0), nz - 1.001)
    i, j, k = int(x), int(y), int(z)
    fx, fy, fz = np.float32(x - i), np.float32(y - j), np.float32(z - k)
    a, b = volume[k, j, i], volume[k, j, i + 1]
    c, d = volume[k, j + 1, i], volume[k, j + 1, i + 1]
    near = (a + fx * (np.float32(b) - a)) * (1 - fy) + (c + fx * (np.float32(d) - c)) * fy
    a, b = volume[k + 1, j, i], volume[k + 1, j, i + 1]
    c, d = volume[k + 1, j + 1, i], volume[k + 1, j + 1, i + 1]
    far = (a + fx * (np.float32(b) - a)) * (1 - fy) + (c + fx * (np.float32(d) - c)) * fy
    return near + fz * (far - near)


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
    to_bin = np.float32((histogram.shape[1] - 1.001) / 255.0 / n_planes)
    histogram[:] = 0
    for row in range(rows):
        x0 = corner[0] + row * dv[0]
        y0 = corner[1] + row * dv[1]
        z0 = corner[2] + row * dv[2]
        for column in range(columns):
            x = x0 + column * du[0]
            y = y0 + column * du[1]
            z = z0 + column * du[2]
            grey = np.float32(0)
            for plane in range(n_planes):
                t = offsets_um[plane]
                grey += _trilinear(
                    volume, x + t * shift[0], y + t * shift[1], z + t * shift[2], air
                )
            grey *= to_bin
            low = int(grey)
            weight = grey - low
            label = labels[row, column]
            histogram[label, low] += 1 - weight
            histogram[label, low + 1] += weight


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
