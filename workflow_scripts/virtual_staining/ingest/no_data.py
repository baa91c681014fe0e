"""What a raw volume did not measure: found on a few planes, then replaced plane by plane.

Where nothing was measured, the planes get the level of the measured values beside it, so that no
filter, average or interpolation brings fill into the data, and a second array says where this is.
"""

import logging
from concurrent.futures import Executor

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.imaging.measured import AIR, DOUBT, FILL, Fill, find_fill, unmeasured
from virtual_staining.readers.source import Source

log = logging.getLogger(__name__)

PLANES = 7  # are looked at; a few only where planes are stored together, which costs more to read
WHOLE = 1 - 1e-3  # least weight of measured voxels in a resampled voxel that counts as measured


def volume_fill(source: Source) -> list[Fill]:
    """Return the values that stand where a volume was not measured; the log says what was found.

    Parameters
    ----------
    source : Source
        Its first and last plane and some between are read.

    Raises
    ------
    InputError
        If the planes hold no finite value.
    """
    count = PLANES if source.block == 1 else 3
    chosen = sorted({round(z) for z in np.linspace(0, source.shape[0] - 1, count)})
    planes = [np.asarray(source.read(z, z + 1)[0]) for z in chosen]
    if not any(np.isfinite(plane).any() for plane in planes):
        raise InputError(f"{source.name}: no finite value in {len(planes)} of its planes; "
                         "the file holds no image")  # fmt: skip
    found = find_fill(planes)
    for fill in found:
        _say(source.name, fill)
    return [fill for fill in found if fill.kind == FILL]


def _say(name: str, fill: Fill) -> None:
    """Log what the voxels of one value at the border were taken for."""
    about = f"{fill.value:g} in {fill.share:.2%} of the planes that were looked at"
    if fill.kind == FILL:
        log.info("%s: %s is no data, as it surrounds a field with a sharp edge; it is left out of "
                 "everything", name, about)  # fmt: skip
    elif fill.kind == DOUBT:
        log.warning("%s: %s, at their border, may be no data or air; it counts as air. If nothing "
                    "was measured there, store NaN in a volume of floats", name, about)  # fmt: skip
    elif fill.kind == AIR:
        log.info("%s: %s, at their border, counts as air", name, about)


class NoData:
    """What a volume did not measure, block by block.

    Parameters
    ----------
    fills : list of Fill
        From :func:`volume_fill`. Values that are not finite are added when a block has some at the
        planes' border.
    name : str
        The file, for messages.
    """

    def __init__(self, fills: list[Fill], name: str):
        self.fills, self.name = list(fills), name

    def __bool__(self) -> bool:
        """Say whether something of the volume was not measured."""
        return bool(self.fills)

    def closed(
        self, block: np.ndarray, z: int, pool: Executor | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return a block with its gaps closed, and where it was measured.

        Parameters
        ----------
        block : ndarray, shape (dz, y, x)
            Consecutive planes.
        z : int
            Index of the first.
        pool : Executor, optional
            Works on planes.

        Returns
        -------
        block : ndarray, shape (dz, y, x)
            The same array where all was measured; otherwise a copy with the level of the values
            beside the fill where nothing was measured.
        measured : ndarray, shape (dz, y, x), uint8
            1 where measured, else 0.

        Raises
        ------
        InputError
            If a value inside the field is NaN or infinite.
        """
        empty = list((pool.map if pool else map)(self._empty, block, range(z, z + len(block))))
        measured = np.ones(block.shape, np.uint8)
        if not any(plane is not None for plane in empty):
            return block, measured
        block = block.copy()
        level = self.fills[-1].level
        for values, seen, gap in zip(block, measured, empty, strict=True):
            if gap is not None:
                values[gap] = level if block.dtype.kind == "f" else round(level)
                seen[gap] = 0
        return block, measured

    def _empty(self, plane: np.ndarray, z: int) -> np.ndarray | None:
        """Return where a plane (y, x) was not measured, bool (y, x), or None if all was."""
        whole = plane.dtype.kind != "f" or bool(np.isfinite(plane).all())
        if not whole and not any(np.isnan(fill.value) for fill in self.fills):
            self.fills[:0] = [fill for fill in find_fill([plane]) if np.isnan(fill.value)]
        empty = unmeasured(plane, self.fills) if self.fills else None
        if not whole:
            _check_finite(plane, empty, self.name, z)
        return empty if empty is not None and empty.any() else None


def _check_finite(plane: np.ndarray, empty: np.ndarray | None, name: str, z: int) -> None:
    """Refuse a plane (y, x) of which a value outside ``empty`` is NaN or infinite."""
    bad = ~np.isfinite(plane)
    if empty is not None:
        bad &= ~empty
    if bad.any():
        y, x = np.argwhere(bad)[0]
        raise InputError(
            f"{name}: {plane[y, x]} at z={z}, y={y}, x={x}, inside the field ({int(bad.sum())} "
            "such voxels in this plane); fill it before ingesting"
        )
