"""Augmented patches cut on the CPU, each in two passes over its pixels.

The patches equal those of :meth:`sampler.Sampler.interpolate`, which uses torch on other devices.
"""

import numba
import numpy as np

# Fast math may only reorder sums and fuse multiplications with additions, to vectorize loops.
_compiled = numba.njit(
    cache=True, nogil=True, boundscheck=False, error_model="numpy", fastmath={"reassoc", "contract"}
)


@_compiled
def cut_patch(ct, rest, y, x, gain, window, grey, colours, mask):
    """Interpolate one patch, jitter it and scale it to network range.

    Parameters
    ----------
    ct : ndarray, shape (h, w), int16
        Grey levels minus 32768.
    rest : ndarray, shape (4, h, w), uint8
        Red, green, blue and the mask (0 or 1).
    y, x : ndarray, shape (p,), float64
        Positions of the patch's rows and columns in the image, pixel indices; clipped to the image.
    gain : ndarray, shape (4,)
        Contrast and brightness factors of the CT, then of the slide.
    window : (low, high)
        Grey levels that become the network's -1 and 1.
    grey, colours, mask : ndarray, shapes (p, p), (3, p, p) and (p, p), float32
        Output: CT, slide and mask of the patch.
    """
    height, width = ct.shape
    n = len(y)
    # numba checks each signed index for counting from the end; unsigned indices are faster.
    left, right, near = np.empty((3, n), np.uint64)
    part = np.empty(n, np.float32)
    for j in range(n):
        at = min(max(x[j], 0.0), width - 1.0)
        left[j] = int(at)
        right[j] = min(int(at) + 1, width - 1)
        near[j] = int(np.rint(at))
        part[j] = at - int(at)
    first = min(left[0], left[-1])
    last = max(right[0], right[-1]) + np.uint64(1)
    left -= first
    right -= first
    row = np.empty(int(last - first), np.float32)
    sum_grey = 0.0
    sum_level = 0.0
    for i in range(n):
        at = min(max(y[i], 0.0), height - 1.0)
        top = int(at)
        below = min(top + 1, height - 1)
        weight = np.float32(at - top)
        _mix(ct[top], ct[below], first, weight, row)
        sum_grey += _spread(row, left, right, part, grey[i])
        for c in range(3):
            _mix(rest[c, top], rest[c, below], first, weight, row)
            sum_level += _spread(row, left, right, part, colours[c, i])
        level = rest[3, int(np.rint(at))]
        for j in range(n):
            mask[i, j] = level[near[j]]
    _scale_grey(grey, sum_grey / (n * n), gain, window)
    _scale_colours(colours, sum_level / (3 * n * n), gain)


@_compiled
def _mix(above, below, first, weight, out):
    """Interpolate between two rows."""
    for k in range(np.uint64(len(out))):
        a = np.float32(above[first + k])
        out[k] = a + weight * (np.float32(below[first + k]) - a)


@_compiled
def _spread(row, left, right, part, out):
    """Interpolate within a row; return the sum."""
    total = np.float32(0)
    for j in range(len(out)):
        a = row[left[j]]
        value = a + part[j] * (row[right[j]] - a)
        out[j] = value
        total += value
    return total


@_compiled
def _scale_grey(grey, mean, gain, window):
    """Jitter as :func:`sampler.jitter_grey`, then scale as :func:`intensity.ct_to_network`.

    Levels and their mean are 32768 lower than the true ones, as stored.
    """
    unit = 2 / (window[1] - window[0])
    slope = np.float32(gain[0] * gain[1] * unit)
    offset = np.float32(((mean * (1 - gain[0]) + 32768) * gain[1] - window[0]) * unit - 1)
    one = np.float32(1)
    for i in range(grey.shape[0]):
        for j in range(grey.shape[1]):
            grey[i, j] = min(max(grey[i, j] * slope + offset, -one), one)


@_compiled
def _scale_colours(colours, mean, gain):
    """Jitter as :func:`sampler.jitter_colour`, then scale as :func:`intensity.slide_to_network`."""
    slope = np.float32(gain[2] * gain[3])
    offset = np.float32(mean * (1 - gain[2]) * gain[3])
    third, unit = np.float32(1 / 3), np.float32(1 / 127.5)
    zero, one, full, least = np.float32(0), np.float32(1), np.float32(255), np.float32(1e-3)
    for i in range(colours.shape[1]):
        for j in range(colours.shape[2]):
            r, g, b = colours[0, i, j], colours[1, i, j], colours[2, i, j]
            level = (r + g + b) * third
            factor = max(level * slope + offset, zero) / max(level, least)
            factor = min(factor, full / max(max(r, g, b), least)) * unit
            colours[0, i, j] = min(max(r * factor - one, -one), one)
            colours[1, i, j] = min(max(g * factor - one, -one), one)
            colours[2, i, j] = min(max(b * factor - one, -one), one)
