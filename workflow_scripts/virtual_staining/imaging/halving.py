"""Halving of images and volumes for pyramids: means of 2 x 2 x 2 voxels, rounded."""

from concurrent.futures import Executor

import numba
import numpy as np

BAND_ROWS = 64  # rows averaged by one thread at a time


@numba.njit(cache=True, nogil=True)
def _halve_rows(block, out, first, last):
    """Fill rows ``first`` to ``last`` of ``out`` with means of 2 x 2 x 2 voxels of ``block``."""
    _, depth, height, width = block.shape
    for c in range(out.shape[0]):
        for z in range(out.shape[1]):
            low, high = block[c, 2 * z], block[c, min(2 * z + 1, depth - 1)]
            for y in range(first, last):
                y0, y1 = 2 * y, min(2 * y + 1, height - 1)
                for x in range(width // 2):
                    total = np.uint32(4)
                    total += np.uint32(low[y0, 2 * x]) + np.uint32(low[y0, 2 * x + 1])
                    total += np.uint32(low[y1, 2 * x]) + np.uint32(low[y1, 2 * x + 1])
                    total += np.uint32(high[y0, 2 * x]) + np.uint32(high[y0, 2 * x + 1])
                    total += np.uint32(high[y1, 2 * x]) + np.uint32(high[y1, 2 * x + 1])
                    out[c, z, y, x] = total >> 3
                if width % 2:
                    x = width - 1
                    total = np.uint32(low[y0, x]) + np.uint32(low[y1, x])
                    total += np.uint32(high[y0, x]) + np.uint32(high[y1, x])
                    out[c, z, y, x // 2] = (2 * total + np.uint32(4)) >> 3


def halve_into(block: np.ndarray, out: np.ndarray, pool: Executor) -> None:
    """Average 2 x 2 x 2 voxels on several threads; the last voxel of an odd axis counts twice.

    Parameters
    ----------
    block : ndarray of uint8 or uint16, shape (c, z, y, x)
    out : ndarray of the same type
        Filled; half as long along z, y and x, rounded up.
    pool : Executor
        Works on bands of rows.
    """
    rows = out.shape[2]
    starts = range(0, rows, BAND_ROWS)
    jobs = [pool.submit(_halve_rows, block, out, y, min(y + BAND_ROWS, rows)) for y in starts]
    for job in jobs:
        job.result()


def halve(block: np.ndarray) -> np.ndarray:
    """Return the means of 2 x 2 x 2 voxels; the last voxel of an odd axis counts twice.

    Parameters
    ----------
    block : ndarray of uint8 or uint16, shape (c, z, y, x)
        An image has one plane along z.

    Returns
    -------
    ndarray of the same type
        Half as long along z, y and x, rounded up.
    """
    out = np.empty((len(block), *(-(-n // 2) for n in block.shape[1:])), block.dtype)
    _halve_rows(block, out, 0, out.shape[2])
    return out
