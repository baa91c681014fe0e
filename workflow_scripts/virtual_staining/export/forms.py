"""The forms of an exported volume."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from virtual_staining.artefacts.storage.atomic import check_own_folder, replacing
from virtual_staining.artefacts.volume import VolumeLevel

SLAB = 64  # planes read at once: those of one chunk
FAST = 1  # of gzip's levels; higher ones gain a few per cent


def planes(level: VolumeLevel) -> Iterator[np.ndarray]:
    """Yield the planes of a colour volume (4, z, y, x), each (y, x, 4)."""
    for first in range(0, level.array.shape[1], SLAB):
        slab = np.asarray(level.array[:, first : first + SLAB])
        yield from np.ascontiguousarray(slab.transpose(1, 2, 3, 0))


def write_nrrd(path: Path, level: VolumeLevel) -> None:
    """Write a colour volume as NRRD, compressed, atomically.

    Distances are mm, which 3D Slicer takes; the first voxel's middle lies half a voxel from the
    origin, the volume's outer corner.

    Parameters
    ----------
    path : Path
        The file.
    level : VolumeLevel
        The volume (4, z, y, x), uint8.
    """
    _, nz, ny, nx = level.array.shape
    mm = level.voxel_size_um / 1000
    header = (
        "NRRD0004\n"
        "type: uint8\n"
        "dimension: 4\n"
        f"sizes: 4 {nx} {ny} {nz}\n"
        "kinds: RGBA-color space space space\n"
        "space: left-posterior-superior\n"
        f"space directions: none ({mm:.9g},0,0) (0,{mm:.9g},0) (0,0,{mm:.9g})\n"
        f"space origin: ({mm / 2:.9g},{mm / 2:.9g},{mm / 2:.9g})\n"
        'space units: "mm" "mm" "mm"\n'
        "encoding: gzip\n\n"
    )
    with replacing(path) as temporary:
        with temporary.open("wb") as file:
            file.write(header.encode("ascii"))
            with gzip.GzipFile("", "wb", FAST, file, mtime=0) as packed:
                for plane in planes(level):
                    packed.write(plane.tobytes())


def write_slices(folder: Path, level: VolumeLevel) -> None:
    """Write a colour volume as PNG slices ``0000.png`` …, atomically; Avizo reads these as RGBA.

    Parameters
    ----------
    folder : Path
        The folder; replaced when all slices are written.
    level : VolumeLevel
        The volume (4, z, y, x), uint8.
    """
    check_own_folder(folder, r"\d+\.png|voxel_size_um\.txt")
    digits = max(4, len(str(level.array.shape[1] - 1)))
    dots_per_inch = 25400 / level.voxel_size_um
    with replacing(folder) as temporary:
        temporary.mkdir()
        for z, plane in enumerate(planes(level)):
            name = temporary / f"{z:0{digits}d}.png"
            Image.fromarray(plane).save(name, dpi=(dots_per_inch, dots_per_inch))
        (temporary / "voxel_size_um.txt").write_text(f"{level.voxel_size_um:.9g}\n")
