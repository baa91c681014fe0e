"""Command: cut a plane out of a stained volume."""

import argparse
import logging
import os
import time
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.registration_place import read_pair_grid, write_pair_grid
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.storage.image import write_image, write_ome_image
from virtual_staining.artefacts.volume import VolumeLevel, level_for_pixels, open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import PlaneGrid, resized
from virtual_staining.imaging.oblique import cut_plane
from virtual_staining.runtime import cpu_count
from virtual_staining.section.plane import frame_of_normal, frame_of_points, grid_within

log = logging.getLogger(__name__)

WHITE = 255  # the stained volume's background
LARGEST_PX = 60000  # more pixels a side fit into no usual memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--volume", required=True, help="the stained volume, rgba.ome.zarr")
    parser.add_argument("--ct", help="the CT of the volume, ct.ome.zarr, to cut beside it")
    plane = parser.add_mutually_exclusive_group(required=True)
    plane.add_argument("--transform", help="plane of a registered section: its transform.json")
    plane.add_argument(
        "--points",
        nargs=9,
        type=float,
        metavar="UM",
        help="plane through three points, x y z x y z x y z from the volume's outer corner, µm; "
        "the picture's x axis runs from the first to the second",
    )
    plane.add_argument(
        "--normal", nargs=3, type=float, metavar="N", help="plane with this normal, x y z"
    )
    parser.add_argument(
        "--depth-um",
        type=float,
        default=0.0,
        help="for --normal: distance from the middle of the volume along the normal (default: 0)",
    )
    parser.add_argument(
        "--pixel-um", type=float, help="pixel size (default: that of the pair, or of the voxels)"
    )
    parser.add_argument(
        "--thickness-um",
        type=float,
        default=0.0,
        help="average through this thickness (default: 0, a single plane; volumes stained with "
        "plane as_trained already show sections of the trained thickness)",
    )
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--out", required=True, type=Path, help="picture: …tif or …ome.tif")
    parser.add_argument("--ct-out", type=Path, help="picture of the CT, uint16")


def run(args: argparse.Namespace) -> None:
    """Write the picture, its place (``.json`` beside it) and, if asked for, the CT's picture."""
    check(args)
    levels = open_rgba(args.volume)
    grid = grid_of(args, levels[0])
    threads = args.threads or cpu_count()
    image, inside, voxel_um = cut(levels, grid, args.thickness_um, threads)
    if not inside.any():
        raise InputError(f"{args.transform or args.volume}: the plane misses the stained volume")
    image[~inside] = WHITE
    write_picture(args.out, image[..., :3], grid.pixel_um)
    if args.ct_out is not None:
        ct, _, _ = cut(open_volume_pyramid(args.ct), grid, args.thickness_um, threads)
        write_picture(args.ct_out, ct, grid.pixel_um)
    about = {
        # seen from the picture: the folder of both may be moved, and no user's name stands in it
        "volume": os.path.relpath(args.volume, args.out.parent),
        "voxel_size_um": voxel_um,
        "thickness_um": args.thickness_um,
    }
    write_pair_grid(place_file(args.out), grid, about)


def check(args: argparse.Namespace) -> None:
    """Refuse arguments that contradict each other.

    Raises
    ------
    InputError
        With the argument and what would be right.
    """
    for path, name in ((args.out, "--out"), (args.ct_out, "--ct-out")):
        if path is not None and path.suffix.lower() not in (".tif", ".tiff"):
            raise InputError(f"section: {name}: {path} must end in .tif or .ome.tif")
    if (args.ct is None) != (args.ct_out is None):
        raise InputError("section: --ct and --ct-out go together; give both or none")
    if args.pixel_um is not None and not 0 < args.pixel_um < np.inf:
        raise InputError(f"section: --pixel-um: {args.pixel_um} must be positive")
    if not 0 <= args.thickness_um < np.inf:
        raise InputError(f"section: --thickness-um: {args.thickness_um} must not be negative")
    if args.depth_um and args.normal is None:
        raise InputError("section: --depth-um goes with --normal only")
    if not np.isfinite([*(args.points or ()), *(args.normal or ()), args.depth_um]).all():
        raise InputError("section: the numbers of the plane must be finite")
    if args.threads is not None and args.threads < 1:
        raise InputError(f"section: --threads: {args.threads} must be at least 1")


def grid_of(args: argparse.Namespace, finest: VolumeLevel) -> PlaneGrid:
    """Return the pixels that the arguments ask for; as given to :func:`run`."""
    size_um = tuple(n * finest.voxel_size_um for n in finest.array.shape[:0:-1])
    if args.transform is not None:
        grid = read_pair_grid(args.transform)
        grid = resized(grid, args.pixel_um) if args.pixel_um else grid
    else:
        frame = (
            frame_of_points(np.reshape(args.points, (3, 3)))
            if args.points is not None
            else frame_of_normal(np.array(args.normal), args.depth_um, size_um)
        )
        grid = grid_within(frame, size_um, args.pixel_um or finest.voxel_size_um)
    if max(grid.shape) > LARGEST_PX:
        raise InputError(
            f"section: {grid.shape[1]} x {grid.shape[0]} pixels are too many; give a larger "
            "--pixel-um"
        )
    return grid


def cut(
    levels: list[VolumeLevel], grid: PlaneGrid, thickness_um: float, threads: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Cut a plane out of the resolution that fits its pixels.

    Parameters
    ----------
    levels : list of VolumeLevel
        Finest first.
    grid : PlaneGrid
        The pixels.
    thickness_um : float
        To average through, µm.
    threads : int
        Of the processor.

    Returns
    -------
    image, inside : ndarray
        As from :func:`~virtual_staining.imaging.oblique.cut_plane`.
    voxel_um : float
        Voxel size of the level, µm.
    """
    level = level_for_pixels(levels, grid.pixel_um)
    start = time.perf_counter()
    image, inside = cut_plane(level.array, level.voxel_size_um, grid, thickness_um, threads)
    log.info(
        "%d x %d pixels of %g µm from voxels of %g µm, %.1f s",
        *(*grid.shape[::-1], grid.pixel_um, level.voxel_size_um, time.perf_counter() - start),
    )
    return image, inside, level.voxel_size_um


def write_picture(path: Path, image: np.ndarray, pixel_um: float) -> None:
    """Write an image (y, x) or (y, x, 3) as TIFF or, by its name, as OME-TIFF."""
    ome = path.name.lower().endswith((".ome.tif", ".ome.tiff"))
    (write_ome_image if ome else write_image)(path, image, pixel_um)


def place_file(picture: Path) -> Path:
    """Return the path of the file that says where a picture lies in the volume."""
    return picture.with_name(picture.name.split(".")[0] + ".json")
