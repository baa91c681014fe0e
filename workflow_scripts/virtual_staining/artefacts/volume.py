"""Volumes as multiscale OME-Zarr (NGFF 0.5, Zarr v3), written slab by slab and opened lazily.

Voxel ``i`` of every level has its centre at ``(i + 0.5) * voxel_size_um`` (outer-corner origin,
see :mod:`virtual_staining.imaging.geometry`); the metadata says so as scale plus a translation of
half a voxel. Levels halve by 2 x 2 x 2 means, chunks are packed into few large shards (cluster
quotas count files), and no more than one layer of shards per level is ever in memory.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import zarr

from virtual_staining import __version__
from virtual_staining.artefacts.storage.atomic import check_own_folder, replacing
from virtual_staining.artefacts.storage.pyramid import create_levels
from virtual_staining.errors import InputError
from virtual_staining.runtime import cpu_count

SHAPE_UM, SHAPE_VOXELS = 20.0, 512
MEASURED = "labels/measured"  # an NGFF label image, which viewers show over the volume


@dataclass(frozen=True)
class VolumeLevel:
    """One resolution of a volume.

    Parameters
    ----------
    array : zarr.Array
        Lazy array, (z, y, x) or (c, z, y, x); slice it to read.
    voxel_size_um : float
        Edge of its isotropic voxels, µm.
    measured : zarr.Array or None
        Lazy array, (z, y, x), uint8: 1 where the volume was measured, else 0; None where all was.
    """

    array: zarr.Array
    voxel_size_um: float
    measured: zarr.Array | None = None


def open_volume_pyramid(path: str | Path) -> list[VolumeLevel]:
    """Open a volume written by :func:`write_volume_pyramid`, finest level first; nothing is loaded.

    Raises
    ------
    InputError
        If the folder is missing, is not an OME-Zarr 0.5 image or is not isotropic.
    """
    group = _open_group(path)
    levels = []
    try:
        attributes: Any = group.attrs["ome"]
        for dataset in attributes["multiscales"][0]["datasets"]:
            scale = dataset["coordinateTransformations"][0]["scale"][-3:]
            if not np.allclose(scale, scale[0], rtol=1e-6):
                raise InputError(f"{path}: voxels {scale} are not isotropic; ingest the volume")
            array = cast(zarr.Array, group[dataset["path"]])
            measured = group.get(f"{MEASURED}/{dataset['path']}")
            levels.append(VolumeLevel(array, float(scale[0]), cast(zarr.Array | None, measured)))
    except (KeyError, IndexError, TypeError) as error:
        raise InputError(
            f"{path}: not an OME-Zarr 0.5 image ({error!r} in its metadata)"
        ) from error
    return levels


def level_for_pixels(levels: list[VolumeLevel], pixel_um: float) -> VolumeLevel:
    """Return the coarsest level whose voxels are no larger than a pixel, or else the finest."""
    fitting = [level for level in levels if level.voxel_size_um <= pixel_um * (1 + 1e-6)]
    return fitting[-1] if fitting else levels[0]


def shape_level(levels: list[VolumeLevel]) -> VolumeLevel:
    """Return the level in which levels and shapes of a whole volume are looked for.

    The coarsest of voxels up to ``SHAPE_UM``, or a coarser one where that has a side of more than
    ``SHAPE_VOXELS``.
    """
    fitting = [level for level in levels if level.voxel_size_um <= SHAPE_UM]
    small = [level for level in levels if max(level.array.shape) <= SHAPE_VOXELS]
    return min((*fitting[-1:], *small[:1]), key=lambda found: max(found.array.shape))


def volume_attributes(path: str | Path) -> dict:
    """Return the ``attributes`` of :func:`write_volume_pyramid`; none for other programs' files."""
    return dict(cast(dict, _open_group(path).attrs.get("virtual_staining", {})))


def _open_group(path: str | Path) -> zarr.Group:
    try:
        return zarr.open_group(str(path), mode="r")
    except (FileNotFoundError, zarr.errors.GroupNotFoundError, ValueError) as error:
        raise InputError(f"{path}: no OME-Zarr volume there; ingest the volume first") from error


def write_volume_pyramid(
    path: str | Path,
    slabs: np.ndarray | Iterable[np.ndarray],
    voxel_size_um: float,
    shape: tuple[int, ...] | None = None,
    dtype: np.dtype | str | None = None,
    attributes: dict | None = None,
    omero: dict | None = None,
    threads: int | None = None,
    measured: Iterable[np.ndarray] | None = None,
    beside: tuple[str, Iterable[np.ndarray]] | None = None,
) -> None:
    """Write a volume and its pyramid, atomically.

    Parameters
    ----------
    path : path
        Folder to write, ``*.ome.zarr``; replaced when everything is written.
    slabs : ndarray or iterable of ndarray
        A whole volume, or consecutive slabs along z of any thickness: (dz, y, x), or with channels
        (c, dz, y, x).
    voxel_size_um : float
        Edge of the isotropic voxels, µm.
    shape, dtype : optional
        Of the whole level 0, (z, y, x) or (c, z, y, x), unsigned integers; needed for an iterator.
    attributes : dict, optional
        Stored under ``virtual_staining`` in the group's attributes, beside the ``version`` of the
        program.
    omero : dict, optional
        NGFF ``omero`` block (channel names and colours).
    threads : int, optional
        Threads that compress and average; default: the CPUs that this process may use.
    measured : iterable of ndarray, optional
        For each slab of (dz, y, x) where it was measured, uint8 0 or 1. A voxel of a coarser level
        counts as measured if half of its eight are.
    beside : (str, iterable of ndarray), optional
        Name of a further image inside the folder, which :func:`open_volume_pyramid` opens there,
        and for each slab its part of the image, uint8 (dz, y, x).

    Raises
    ------
    ValueError
        If the slabs do not add up to ``shape``.
    """
    if isinstance(slabs, np.ndarray):
        shape, dtype, slabs = slabs.shape, slabs.dtype, [slabs]
    if shape is None:
        raise ValueError("the shape of a volume that comes in slabs must be given")
    threads = threads or cpu_count()
    if not Path(path, "zarr.json").is_file():
        check_own_folder(path, r"\d+|labels")
    with replacing(path) as temporary, ThreadPoolExecutor(threads) as pool:
        group = zarr.create_group(str(temporary), zarr_format=3)
        levels = create_levels(group, tuple(shape), np.dtype(dtype), pool)
        more = {}
        for place, parts in ((MEASURED, measured), beside or ("", None)):
            if parts is not None:
                inner = group.create_group(place)
                writers = create_levels(inner, tuple(shape[-3:]), np.dtype(np.uint8), pool)
                name = place.split("/")[-1]
                inner.attrs["ome"] = _metadata(name, len(writers), 3, voxel_size_um, None)
                more[place] = writers[0], iter(parts)
        written = 0
        for slab in slabs:
            levels[0].push(slab if slab.ndim == 4 else slab[None])
            for writer, parts in more.values():
                writer.push(next(parts)[None])
            written += slab.shape[-3]
        if written != shape[-3]:
            raise ValueError(f"{path}: {written} planes written of {shape[-3]}")
        for writer in (levels[0], *(writer for writer, _ in more.values())):
            writer.finish()
        if MEASURED in more:
            group["labels"].attrs["ome"] = {"version": "0.5", "labels": ["measured"]}
            labels = group[MEASURED]
            source = {"image-label": {"source": {"image": "../../"}}}
            labels.attrs["ome"] = cast(dict, labels.attrs["ome"]) | source
        name = Path(path).name.removesuffix(".ome.zarr")
        group.attrs["ome"] = _metadata(name, len(levels), len(shape), voxel_size_um, omero)
        group.attrs["virtual_staining"] = {"version": __version__, **(attributes or {})}


def _metadata(name, n_levels: int, ndim: int, voxel_size_um: float, omero: dict | None) -> dict:
    """Return the NGFF 0.5 ``ome`` attribute."""
    axes = [{"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"]
    lead = ndim - 3
    datasets = []
    for k in range(n_levels):
        size = float(voxel_size_um) * 2**k
        scale = {"type": "scale", "scale": [1.0] * lead + [size] * 3}
        shift = {"type": "translation", "translation": [0.0] * lead + [size / 2] * 3}
        datasets.append({"path": str(k), "coordinateTransformations": [scale, shift]})
    image = {
        "name": name,
        "axes": [{"name": "c", "type": "channel"}] * lead + axes,
        "datasets": datasets,
        "type": "mean",
    }
    return {"version": "0.5", "multiscales": [image]} | ({"omero": omero} if omero else {})
