"""What `stain` leaves: the colour volume as OME-Zarr and as BigTIFF."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import tifffile

from virtual_staining import __version__
from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.ome import ome_metadata
from virtual_staining.artefacts.volume import (
    VolumeLevel,
    open_volume_pyramid,
    volume_attributes,
    write_volume_pyramid,
)
from virtual_staining.errors import InputError

# 2: a chunk holds all four channels of 64 x 64 x 64 voxels; 1 (not stated): one channel.
FORMAT = 2
UNCERTAINTY = "uncertainty"  # a further OME-Zarr image inside that of the colours, uint8
STEPS = 2  # values of the uncertainty in an 8-bit level; no standard deviation exceeds 127.5 levels
CHANNELS = (("red", "FF0000"), ("green", "00FF00"), ("blue", "0000FF"), ("alpha", "FFFFFF"))


def write_rgba(
    folder: StainedVolumeFolder,
    slabs: Iterable[np.ndarray],
    shape: tuple[int, int, int],
    voxel_size_um: float,
    ct_scaling: tuple[float, float],
    axes: Sequence[str],
    deviations: Iterable[np.ndarray] | None = None,
) -> None:
    """Write a colour volume as OME-Zarr and as BigTIFF at once; both appear when complete.

    Parameters
    ----------
    folder : StainedVolumeFolder
    slabs : iterable of ndarray, shape (4, dz, y, x), uint8
        Consecutive slabs along z of red, green, blue and alpha.
    shape : (z, y, x)
        Of the volume.
    voxel_size_um : float
        Edge of the isotropic voxels, µm.
    ct_scaling : (scale, offset)
        Normalization of the CT before staining; stored in the attributes of the OME-Zarr.
    axes : sequence of str
        Axes that the stained planes stand on; stored there as well.
    deviations : iterable of ndarray, shape (dz, y, x), float32, optional
        For each slab the standard deviation of the results that the colours average, 8-bit levels;
        becomes the image ``uncertainty`` inside the OME-Zarr.
    """
    with rgba_tiff(folder.tiff, shape, voxel_size_um) as append:

        def appended() -> Iterator[np.ndarray]:
            for slab in slabs:
                append(slab)
                yield slab

        write_volume_pyramid(
            folder.zarr,
            appended(),
            voxel_size_um,
            (4, *shape),
            np.dtype(np.uint8),
            attributes={
                "format": FORMAT,
                "ct_scale": ct_scaling[0],
                "ct_offset": ct_scaling[1],
                "axes": list(axes),
            },
            omero={"channels": [_channel(label, color) for label, color in CHANNELS]},
            beside=None if deviations is None else (UNCERTAINTY, map(encode_deviation, deviations)),
        )


def encode_deviation(levels: np.ndarray) -> np.ndarray:
    """Return a standard deviation, 8-bit levels, as the uint8 that the files hold: its double."""
    return np.rint(np.minimum(STEPS * levels, 255)).astype(np.uint8)


def deviation_levels(values: np.ndarray) -> np.ndarray:
    """Return the standard deviation, 8-bit levels, float32, that the values of a file stand for."""
    return values / np.float32(STEPS)


def open_rgba(path: str | Path) -> list[VolumeLevel]:
    """Open a colour volume, finest level first; nothing is loaded.

    Returns
    -------
    list of VolumeLevel
        Arrays (4, z, y, x), uint8: red, green, blue, alpha. Chunks may have any size.

    Raises
    ------
    InputError
        As in :func:`~virtual_staining.artefacts.volume.open_volume_pyramid`, and if the volume is
        no colour volume or of an unknown format.
    """
    if not Path(path).is_dir():
        raise InputError(f"{path}: no such folder; give the rgba.ome.zarr of a stained volume")
    if not any((Path(path) / name).is_file() for name in ("zarr.json", ".zgroup")):
        raise InputError(f"{path}: is no OME-Zarr; give the rgba.ome.zarr of a stained volume")
    levels = open_volume_pyramid(path)
    array = levels[0].array
    if array.ndim != 4 or array.shape[0] != len(CHANNELS) or array.dtype != np.uint8:
        raise InputError(
            f"{path}: {array.dtype} of shape {array.shape} is no stained volume, which is uint8 "
            "(4, z, y, x); give the rgba.ome.zarr of 10_stain"
        )
    about = volume_attributes(path)
    found = about.get("format", 1)
    if found not in range(1, FORMAT + 1):
        raise InputError(
            f"{path}: format: {found!r} is unknown to version {__version__} of the program, which "
            f"reads formats up to {FORMAT}; use the version that wrote the file "
            f"({about.get('version', 'not stated')}) or a later one, or stain the volume again"
        )
    return levels


def rgba_scaling(path: str | Path) -> tuple[float, float]:
    """Return (scale, offset) by which the CT was normalized before staining.

    Raises
    ------
    InputError
        If the volume does not say so.
    """
    about = volume_attributes(path)
    try:
        return float(about["ct_scale"]), float(about["ct_offset"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: {error} is no normalization of the CT in its attributes; stain it again"
        ) from error


def open_uncertainty(path: str | Path) -> list[VolumeLevel] | None:
    """Open the uncertainty (z, y, x) of a colour volume, finest level first, if there is one."""
    inside = Path(path) / UNCERTAINTY
    return open_volume_pyramid(inside) if inside.is_dir() else None


def _channel(label: str, color: str) -> dict:
    """Return how a viewer shows one channel (NGFF ``omero``)."""
    window = {"min": 0, "max": 255, "start": 0, "end": 255}
    return {"label": label, "color": color, "active": label != "alpha", "window": window}


@contextlib.contextmanager
def rgba_tiff(
    path: str | Path, shape: tuple[int, int, int], voxel_size_um: float
) -> Iterator[Callable[[np.ndarray], None]]:
    """Open a BigTIFF (z, y, x, RGBA) with OME metadata in µm; it appears when the block succeeds.

    The pages lie one behind the other and uncompressed, so that Fiji and others can map the file
    instead of loading it.

    Parameters
    ----------
    path : path
        File to write.
    shape : (z, y, x)
        Of the volume.
    voxel_size_um : float
        Edge of the isotropic voxels, µm; also in the resolution tags, in pixels per centimetre.

    Yields
    ------
    callable
        ``append(planes)`` takes the next uint8 planes, (4, dz, y, x).
    """
    metadata = ome_metadata("ZYXS", dict.fromkeys("XYZ", voxel_size_um))
    with replacing(path) as temporary:
        with tifffile.TiffWriter(temporary, bigtiff=True, ome=True) as tif:
            place = tif.write(
                shape=(*shape, 4),
                dtype=np.uint8,
                photometric="rgb",
                planarconfig="contig",
                extrasamples=["unassalpha"],
                resolution=(1e4 / voxel_size_um,) * 2,
                resolutionunit="CENTIMETER",
                metadata=metadata,
                returnoffset=True,
            )
        assert place is not None  # asked for with returnoffset
        with open(temporary, "r+b") as file:
            file.seek(place[0])

            def append(planes: np.ndarray) -> None:
                file.write(np.ascontiguousarray(np.moveaxis(planes, 0, -1)).data)

            yield append
