"""Which axes of a stored array are z, y and x, and how its planes are read in this order."""

from collections.abc import Callable, Sequence

import numpy as np

ZYX = ("z", "y", "x")
MOST_AXES = 32  # no image has more, and headers may name any number
# Names of axes that are not of space, in lower case.
NOT_SPACE = ("c", "t", "s", "ch", "channel", "channels", "time", "frame", "frames", "band", "rgb")


def spatial_axes(
    shape: Sequence[int], names: Sequence[str | None] | None = None
) -> tuple[int, int, int] | None:
    """Return the positions of z, y and x among the axes of an array.

    Parameters
    ----------
    shape : sequence of int
        Lengths of the stored axes.
    names : sequence of str, optional
        Names of the axes in the order in which they are stored, upper or lower case; without all of
        z, y and x among them they say nothing but which axes are channels and times. Axes of other
        names must have the length 1. Without names, axes of length 1 are left out while there are
        more than three, at the front first, then at the end, then between; the others are z, y, x.

    Returns
    -------
    (int, int, int) or None
        None if the array is not one volume.
    """
    if len(shape) > MOST_AXES:
        return None
    known = [str(name).lower() for name in names or ()]
    if len(known) == len(shape) and set(ZYX) <= set(known):
        found = tuple(known.index(axis) for axis in ZYX)
    else:
        rest = list(range(len(shape)))
        while len(rest) > 3 and shape[rest[0]] == 1:
            del rest[0]
        while len(rest) > 3 and shape[rest[-1]] == 1:
            del rest[-1]
        between = [axis for axis in rest if shape[axis] == 1][: max(0, len(rest) - 3)]
        found = tuple(axis for axis in rest if axis not in between)
        if len(known) == len(shape) and any(known[a] in NOT_SPACE and shape[a] > 1 for a in found):
            return None
    others = [n for axis, n in enumerate(shape) if axis not in found]
    return found if len(found) == 3 and all(n == 1 for n in others) else None


def plane_reader(array, axes: tuple[int, int, int]) -> Callable[[int, int], np.ndarray]:
    """Return ``read(z0, z1)``, which gives planes (z1 - z0, y, x) of an array of any axis order.

    Parameters
    ----------
    array : array
        What is sliced: of h5py, Zarr or NumPy.
    axes : (int, int, int)
        From :func:`spatial_axes`.
    """
    kept = sorted(axes)
    order = [kept.index(axis) for axis in axes]

    def read(z0: int, z1: int) -> np.ndarray:
        index: list[int | slice] = [0] * len(array.shape)
        for axis in axes:
            index[axis] = slice(None)
        index[axes[0]] = slice(z0, z1)
        planes = np.asarray(array[tuple(index)])
        return np.ascontiguousarray(planes.transpose(order))  # a copy only where axes change places

    return read
