"""Raw volumes and slides of any container, opened lazily."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers import slides, volumes
from virtual_staining.readers.bounds import check_image
from virtual_staining.readers.container import Container, container_of, known_containers
from virtual_staining.readers.files import check_file, check_regular
from virtual_staining.readers.numbers import plain_source
from virtual_staining.readers.source import METADATA_ERRORS, RawSlide, Source

MOST_FOLDERS = 20  # of a folder that is no volume are looked at


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
    if _is_missing(path):
        raise InputError(f"{path}: no such file or folder; check the sheet's volume column")
    check_regular(path)
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; copy it again")
    with _reading(path):
        container = container_of(path, volumes)
        if container is None:
            known = known_containers(volumes)
            inner = "; name one of its folders" if _folders(path) else ""
            raise InputError(f"{path}: not a known volume container{inner}; known: {known}")
        source = plain_source(_opened(container, path, inside))
    if min(source.shape) < 1:
        held = " x ".join(map(str, source.shape))
        raise InputError(f"{source.name}: holds {held} voxels, none at all; copy it again")
    check_image(source, path)
    return source


def _is_missing(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # what else is wrong is said later
        return False
    return False


def _folders(path: Path) -> bool:
    """Say whether a folder holds folders that are volumes."""
    inner = [p for p in path.iterdir() if p.is_dir()] if path.is_dir() else []
    return any(container_of(folder, volumes) for folder in sorted(inner)[:MOST_FOLDERS])


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what any container may stumble over into a sentence."""
    try:
        yield
    except OSError as error:
        named = error.filename or path
        raise InputError(f"{named}: cannot be read ({error.strerror or error})") from error
    except MemoryError as error:
        raise InputError(
            f"{path}: its header asks for more memory than there is; is it damaged?"
        ) from error
    except RecursionError as error:
        raise InputError(f"{path}: its header is nested too deeply; is it damaged?") from error
    except METADATA_ERRORS as error:
        raise InputError(f"{path}: its header cannot be read ({error}); is it damaged?") from error


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
    if _is_missing(path):
        raise InputError(f"{path}: no such file; check the sheet's slide column")
    check_file(path)
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty; copy it again")
    with _reading(path):
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
    check_image(opened, path)
    return opened
