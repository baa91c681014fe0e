"""The stained volumes of a results folder, and planes cut out of them."""

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.artefacts.volume import level_for_pixels, open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap
from virtual_staining.imaging.oblique import cut_plane
from virtual_staining.runtime import cpu_count

LARGEST_PX = 4000  # a side of a plane
WHITE = 255
QUALITY = 90


@dataclass(frozen=True)
class FoundVolume:
    """A stained volume by its names.

    Parameters
    ----------
    stain, model, volume : str
    """

    stain: str
    model: str
    volume: str


def found_volumes(results: Results) -> list[FoundVolume]:
    """Return the stained volumes of a results folder, sorted."""
    anywhere = results.stained_volume("*", "*", "*").zarr.relative_to(results.root)
    paths = sorted(results.root.glob(str(anywhere)))
    return [FoundVolume(*path.parts[-4:-1]) for path in paths]


def plane_asked_for(query: dict[str, list[str]]) -> PlaneGrid:
    """Return the pixels that an address asks for.

    Parameters
    ----------
    query : dict
        ``origin``, ``u`` and ``v`` as ``x,y,z`` (µm; outer corner of the first pixel, directions of
        its columns and rows), ``width`` and ``height`` in pixels of ``pixel_um``.

    Raises
    ------
    InputError
        If one is missing, no number, or beyond reason.
    """
    try:
        origin, u, v = (
            np.array([float(x) for x in query[name][0].split(",")]) for name in ("origin", "u", "v")
        )
        pixel_um = float(query["pixel_um"][0])
        width, height = int(query["width"][0]), int(query["height"][0])
    except (KeyError, ValueError) as error:
        raise InputError(f"plane: {error}: give origin, u, v, pixel_um, width, height") from error
    numbers = [*origin, *u, *v, pixel_um]
    square = len(origin) == len(u) == len(v) == 3 and np.isfinite(numbers).all()
    if not square or not np.allclose([u @ u, v @ v, u @ v], [1, 1, 0], atol=1e-3):
        raise InputError("plane: u and v must be orthogonal unit vectors of three numbers")
    if not (pixel_um > 0 and 0 < width <= LARGEST_PX and 0 < height <= LARGEST_PX):
        raise InputError(f"plane: pixel_um must be positive, sides from 1 to {LARGEST_PX} pixels")
    u = u / math.sqrt(u @ u)
    v = v - (u @ v) * u
    return PlaneGrid((height, width), pixel_um, SectionMap(origin, u, v / math.sqrt(v @ v)))


def window_asked_for(query: dict[str, list[str]]) -> tuple[float, float] | None:
    """Return the CT's grey levels to draw black and white; None asks for the stain.

    Raises
    ------
    InputError
        If ``window`` is no two rising numbers.
    """
    if "window" not in query:
        return None
    try:
        low, high = (float(x) for x in query["window"][0].split(","))
    except ValueError as error:
        raise InputError(f"plane: window: {error}; give two numbers") from error
    if not (low < high and np.isfinite([low, high]).all()):
        raise InputError("plane: window: the second grey level must lie above the first")
    return low, high


def plane_picture(
    results: Results, volume: FoundVolume, grid: PlaneGrid, window: tuple[float, float] | None
) -> bytes:
    """Cut a plane out of the resolution that fits its pixels, as JPEG; white outside.

    Parameters
    ----------
    results : Results
    volume : FoundVolume
    grid : PlaneGrid
        The pixels.
    window : (float, float), optional
        Of the CT, with these grey levels black and white; else of the stain.
    """
    if window is None:
        path = results.stained_volume(volume.stain, volume.model, volume.volume).zarr
        levels = open_rgba(path)
    else:
        levels = open_volume_pyramid(results.volume(volume.volume))
    level = level_for_pixels(levels, grid.pixel_um)
    image, inside = cut_plane(level.array, level.voxel_size_um, grid, threads=cpu_count())
    if window is None:
        image = np.ascontiguousarray(image[..., :3])
    else:
        grey = (image.astype(np.float32) - window[0]) * (255 / (window[1] - window[0]))
        image = np.clip(grey, 0, 255).astype(np.uint8)
    image[~inside] = WHITE
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()
