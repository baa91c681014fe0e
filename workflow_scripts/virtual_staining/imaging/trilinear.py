"""The eight voxels between which a point is interpolated, for compiled loops over points."""

import numba


@numba.njit(cache=True, nogil=True)
def between(place: float, size: int) -> tuple[int, int, float]:
    """Return the voxels on both sides of a place along one axis, and the weight of the second.

    A place outside the axis is that of its nearest voxel.
    """
    place = min(max(place, 0.0), size - 1.0)
    low = int(place)
    return low, min(low + 1, size - 1), place - low


@numba.njit(cache=True, nogil=True)
def neighbour(n: int, low, high, weight) -> tuple[int, int, int, float]:
    """Return the n-th of the eight voxels around a point, and its weight.

    Parameters
    ----------
    n : int
        0 to 7.
    low, high, weight : ndarray, shape (3,)
        What :func:`between` returns along z, y and x.

    Returns
    -------
    z, y, x : int
    share : float
        Of the eight, the sum is 1.
    """
    z, share = (high[0], weight[0]) if n & 4 else (low[0], 1.0 - weight[0])
    y, along_y = (high[1], weight[1]) if n & 2 else (low[1], 1.0 - weight[1])
    x, along_x = (high[2], weight[2]) if n & 1 else (low[2], 1.0 - weight[2])
    return z, y, x, share * along_y * along_x
