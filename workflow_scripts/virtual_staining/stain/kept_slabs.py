"""Stained slabs on disk until all are there: what a stopped run, or several jobs, have finished.

The folder's name holds a fingerprint of everything that the colours depend on. Slabs of other
settings, networks or volumes are never found, and jobs that start at the same time need not agree
on who clears the folder.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import numpy as np
import zarr

from virtual_staining.artefacts.rgba import deviation_levels, encode_deviation
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.shards import ZARR_CODEC
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.errors import InputError
from virtual_staining.stain.slabs import LAYER_PLANES, Slab

CHUNK_ROWS = 64  # of a chunk along y and x, beside its LAYER_PLANES along z


def fingerprint(ct: list[VolumeLevel], files: Iterable[str | Path], settings: dict) -> str:
    """Return a digest of everything that the colours of a volume depend on.

    Parameters
    ----------
    ct : list of VolumeLevel
        The volume; its coarsest level, the mean of all voxels, stands for its content.
    files : iterable of path
        Files whose content counts.
    settings : dict
        Whatever else counts, as JSON.

    Raises
    ------
    InputError
        If a file does not exist.
    """
    whole = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    whole.update(repr((ct[0].array.shape, ct[0].voxel_size_um)).encode())
    whole.update(np.ascontiguousarray(ct[-1].array[:]).tobytes())
    for path in files:
        try:
            with open(path, "rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise InputError(f"{path}: no such file, or not readable ({error})") from error
    return whole.hexdigest()[:16]


class KeptSlabs:
    """The finished slabs of one volume.

    Parameters
    ----------
    folder : Path
        Is made when the first slab is kept.
    shape : (z, y, x)
        Of the volume.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int]):
        self.folder, self.shape = folder, shape

    def _path(self, slab: Slab) -> Path:
        return self.folder / f"{slab.name}-{slab.stop:06d}.zarr"

    def has(self, slab: Slab) -> bool:
        """Whether a slab is finished."""
        return self._path(slab).is_dir()

    def keep(self, slab: Slab, rgb: np.ndarray, deviation: np.ndarray) -> None:
        """Write a finished slab; the slab appears when complete.

        Parameters
        ----------
        slab : Slab
        rgb, deviation : ndarray
            As :func:`~virtual_staining.stain.slabs.stain_slab` returns them.
        """
        values = np.concatenate([rgb, encode_deviation(deviation)[None]])
        values = np.moveaxis(values, 1, slab.number + 1)  # as in the volume: (4, z, y, x)
        sides = LAYER_PLANES, CHUNK_ROWS, CHUNK_ROWS
        chunk = tuple(min(a, b) for a, b in zip(sides, values.shape[1:], strict=True))
        shard = tuple(-(-n // c) * c for n, c in zip(values.shape[1:], chunk, strict=True))
        with replacing(self._path(slab)) as temporary:
            array = zarr.create_array(
                str(temporary),
                shape=values.shape,
                chunks=(4, *chunk),
                shards=(4, *shard),
                dtype=np.uint8,
                compressors=ZARR_CODEC,
                zarr_format=3,
            )
            array[:] = values

    def layer(self, slabs: list[Slab], low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        """Read some z-slices of the volume from slabs of one axis.

        Parameters
        ----------
        slabs : list of Slab
            All slabs of the axis.
        low, high : int
            First z-slice, and the slice behind the last.

        Returns
        -------
        rgb : ndarray, uint8, shape (3, z, y, x)
        deviation : ndarray, float32, shape (z, y, x)
            8-bit levels.
        """
        values = np.empty((4, high - low, *self.shape[1:]), np.uint8)
        for slab in slabs:
            bounds = [slice(0, high - low), slice(None), slice(None)]
            source = slice(low, high)
            if slab.axis == "z":
                first, last = max(slab.start, low), min(slab.stop, high)
                if first >= last:
                    continue
                bounds[0] = slice(first - low, last - low)
                source = slice(first - slab.start, last - slab.start)
            else:
                bounds[slab.number] = slice(slab.start, slab.stop)
            values[:, *bounds] = self.read(slab)[:, source]
        return values[:3], deviation_levels(values[3])

    def read(self, slab: Slab) -> zarr.Array:
        """Open a finished slab: uint8 (4, z, y, x), red, green, blue and the coded deviation."""
        return cast(zarr.Array, zarr.open_array(str(self._path(slab)), mode="r"))


class KeptPlanes:
    """Slabs parallel to a section as one array that is only sliced, uint8 (4, plane, y, x).

    Parameters
    ----------
    kept : KeptSlabs
    slabs : list of Slab
        All slabs of the section, in order.
    shape : (n, h, w)
        Of the planes.
    """

    def __init__(self, kept: KeptSlabs, slabs: list[Slab], shape: tuple[int, int, int]):
        self._kept, self._slabs, self.shape = kept, slabs, (4, *shape)

    def __getitem__(self, place: tuple[slice, ...]) -> np.ndarray:
        """Read a box that is given by four slices with both ends."""
        channels, planes, rows, columns = place
        parts = []
        for slab in self._slabs:
            first, last = max(slab.start, planes.start), min(slab.stop, planes.stop)
            if first < last:
                here = slice(first - slab.start, last - slab.start)
                parts.append(np.asarray(self._kept.read(slab)[channels, here, rows, columns]))
        return np.concatenate(parts, axis=1)
