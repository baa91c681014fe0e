"""Raw volumes and slides of any container, opened lazily."""

from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers import slides, volumes
from virtual_staining.readers.container import Container, container_of, known_containers
from virtual_staining.readers.numbers import plain_source
from virtual_staining.readers.source import RawSlide, Source


def open_volume(volume: str) -> Source:
    """Open a raw volume as the sheet writes it: a path, or a path, ``::`` and what is inside.

    Its values are read as integers or floats of the machine's own byte order, whatever is stored.

    Raises
    ------
    InputError
        If it is missing, of no known container, damaged, or not one grey 3D volume.
    """
    text, _, inside = volume.partition("::")
    path = Path(text)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; check the sheet's volume column")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; copy it again")
    container = container_of(path, volumes)
    if container is None:
        known = known_containers(volumes)
        raise InputError(f"{path}: not a known volume container; known: {known}")
    source = plain_source(_opened(container, path, inside))
    if min(source.shape) < 1:
        held = " x ".join(map(str, source.shape))
        raise InputError(f"{source.name}: holds {held} voxels, none at all; copy it again")
    return source


def _opened(container: Container, path: Path, inside: str) -> Source | RawSlide:
    """Open a path with its container, and what stands behind ``::``."""
    if container.inside:
        return container.open(path, inside)
    if inside:
        raise InputError(
            f"{path}::{inside}: {container.name} holds one image; write its path without ::"
        )
    return container.open(path)


def open_slide(slide: str | Path) -> RawSlide:
    """Open a raw slide as the sheet writes it; a pyramid opens at its finest level.

    Behind the path and ``::`` stands which of several images is meant.

    Raises
    ------
    InputError
        If it is missing, damaged, of no known container, or not an RGB image.
    """
    text, _, inside = str(slide).partition("::")
    path = Path(text)
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the sheet's slide column")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; copy it again")
    container = container_of(path, slides)
    if container is None:
        known = known_containers(slides)
        raise InputError(f"{path}: not a known slide container; known: {known}")
    opened = _opened(container, path, inside)
    if len(opened.shape) != 3 or opened.shape[2] not in (3, 4):
        shape = " x ".join(map(str, opened.shape))
        raise InputError(f"{path}: holds {shape} grey values, not RGB; export the slide as RGB")
    if min(opened.shape) < 1:
        shape = " x ".join(map(str, opened.shape))
        raise InputError(f"{path}: holds {shape} pixels, none at all; copy it again")
    if opened.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{path}: holds {opened.dtype} colours; export the slide with 8 or 16 bits"
        )
    return opened
