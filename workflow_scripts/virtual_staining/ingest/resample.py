"""Resampling as products with one sparse matrix per axis, in outer-corner coordinates.

Output ``j`` of size ``s`` and input ``i`` of size ``t`` have centres ``(j + 0.5) s`` and
``(i + 0.5) t``. A matrix per axis makes filter and interpolation one exact step, and lets planes
stream through along z.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numba
import numpy as np
from scipy.sparse import coo_array, csr_array, eye_array

OUT_PLANES = 8  # output planes computed together


def output_length(n: int, size: float, new_size: float) -> int:
    """Return how many pixels of ``new_size`` cover ``n`` of ``size``, rounded, at least one."""
    return max(1, int(np.floor(n * size / new_size + 0.5)))


def gaussian_matrix(n: int, size: float, new_size: float) -> csr_array | None:
    """Return linear interpolation of the Gaussian-filtered axis as (n_out, n) weights.

    The standard deviation is ``(ratio - 1) / 2`` input pixels, none when sampling more finely;
    the ends repeat themselves. The same as ``gaussian_filter1d(mode="nearest")`` followed by
    ``map_coordinates(order=1, mode="nearest")``.

    Returns
    -------
    csr_array, float32, or None where the sizes are equal and nothing is to be done.
    """
    ratio = new_size / size
    if abs(ratio - 1) < 1e-9:
        return None
    sigma = max(0.0, (ratio - 1) / 2)
    radius = int(4 * sigma + 0.5)
    taps = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (taps / sigma) ** 2) if radius else np.ones(1)
    kernel /= kernel.sum()
    n_out = output_length(n, size, new_size)
    position = np.clip((np.arange(n_out) + 0.5) * ratio - 0.5, 0, n - 1)
    low = np.floor(position).astype(int)
    high_part = position - low
    rows, columns, weights = [], [], []
    for start, part in ((low, 1 - high_part), (np.minimum(low + 1, n - 1), high_part)):
        rows.append(np.repeat(np.arange(n_out), len(taps)))
        columns.append(np.clip(start[:, None] + taps, 0, n - 1).ravel())
        weights.append((part[:, None] * kernel).ravel())
    entries = (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns)))
    return _float32(coo_array(entries, shape=(n_out, n)))


def area_matrix(n: int, size: float, new_size: float) -> csr_array | None:
    """Return area averages as (n_out, n) weights: each output is the mean of what it covers.

    Returns
    -------
    csr_array, float32, or None where ``new_size`` is not larger and nothing is to be done.
    """
    ratio = new_size / size
    if ratio < 1 + 1e-9:
        return None
    n_out = output_length(n, size, new_size)
    start = np.minimum(np.arange(n_out) * ratio, n - 1e-6)
    stop = np.minimum(start + ratio, n)
    reach = np.arange(int(np.ceil(ratio)) + 1)
    columns = np.floor(start).astype(int)[:, None] + reach
    covered = np.minimum(stop[:, None], columns + 1) - np.maximum(start[:, None], columns)
    weights = np.clip(covered, 0, None) / (stop - start)[:, None]
    keep = weights > 0
    rows = np.broadcast_to(np.arange(n_out)[:, None], keep.shape)
    return _float32(coo_array((weights[keep], (rows[keep], columns[keep])), shape=(n_out, n)))


def _float32(matrix: coo_array) -> csr_array:
    matrix = matrix.tocsr().astype(np.float32)
    matrix.eliminate_zeros()
    return matrix


def resample_plane(plane: np.ndarray, along_y, along_x) -> np.ndarray:
    """Apply the matrices of y and x to a plane (y, x) of any type; float32."""
    y, x = (
        eye_array(n, dtype=np.float32, format="csr") if matrix is None else matrix
        for n, matrix in zip(plane.shape, (along_y, along_x), strict=True)
    )
    out = np.empty((y.shape[0], x.shape[0]), np.float32)
    plane = np.ascontiguousarray(plane)
    _weigh_plane(plane, y.indptr, y.indices, y.data, x.indptr, x.indices, x.data, out)
    return out


@numba.njit(cache=True, nogil=True, fastmath=True)
def _weigh_plane(plane, y_start, y_index, y_weight, x_start, x_index, x_weight, out):
    """Weigh rows, then columns; a product of sparse matrices without its passes over memory."""
    line = np.empty(plane.shape[1], np.float32)
    for j in range(out.shape[0]):
        line[:] = 0
        for k in range(y_start[j], y_start[j + 1]):
            weight, row = y_weight[k], plane[y_index[k]]
            for x in range(line.size):
                line[x] += weight * np.float32(row[x])
        for i in range(out.shape[1]):
            total = np.float32(0)
            for k in range(x_start[i], x_start[i + 1]):
                total += x_weight[k] * line[x_index[k]]
            out[j, i] = total


def _weigh_row(flat: np.ndarray, weights: tuple, slab: np.ndarray, j: int) -> None:
    _weigh_planes(flat, *weights, j, slab[j])


@numba.njit(cache=True, nogil=True, fastmath=True)
def _weigh_planes(planes, start, index, weight, j, out):
    """Fill ``out`` (pixels) with row ``j`` of the weights times ``planes`` (z, pixels)."""
    out[:] = 0
    for k in range(start[j], start[j + 1]):
        plane, part = planes[index[k]], weight[k]
        for x in range(out.size):
            out[x] += part * plane[x]


def resample_stream(
    blocks: Iterable[np.ndarray], along_z, along_y, along_x, threads: int
) -> Iterator[np.ndarray]:
    """Resample a volume that arrives as blocks of planes.

    Parameters
    ----------
    blocks : iterable of ndarray
        Consecutive (dz, y, x) blocks.
    along_z, along_y, along_x : csr_array or None
        Weights per axis; with three None the blocks pass through untouched.
    threads : int
        Planes filtered at the same time.

    Yields
    ------
    ndarray
        Consecutive slabs (dz, y, x), float32 (as they came where nothing is to be done).
    """
    if along_z is along_y is along_x is None:
        yield from blocks
        return
    with ThreadPoolExecutor(threads) as pool:
        planes = (
            plane
            for block in blocks
            for plane in pool.map(lambda p: resample_plane(p, along_y, along_x), block)
        )
        yield from _along_z(planes, along_z, pool)


def _along_z(
    planes: Iterable[np.ndarray], matrix: csr_array | None, pool: ThreadPoolExecutor
) -> Iterator[np.ndarray]:
    """Apply the z weights, keeping only the planes that are still needed."""
    if matrix is None:
        yield from (plane[None] for plane in planes)
        return
    planes = iter(planes)
    held: list[np.ndarray] = []
    start = 0  # number of the first held plane
    for j in range(0, matrix.shape[0], OUT_PLANES):
        rows = matrix[j : j + OUT_PLANES]
        first, last = int(rows.indices.min()), int(rows.indices.max())
        while start + len(held) <= last:
            held.append(next(planes))
        held = held[first - start :]
        start = first
        stack = np.stack(held[: last + 1 - first])
        slab = np.empty((rows.shape[0], stack[0].size), np.float32)
        weights = (rows.indptr, rows.indices - first, rows.data)
        flat = stack.reshape(len(stack), -1)
        list(pool.map(partial(_weigh_row, flat, weights, slab), range(len(slab))))
        yield slab.reshape(-1, *stack.shape[1:])
    for _ in planes:  # the blocks' own checks run to the end of the file
        pass
