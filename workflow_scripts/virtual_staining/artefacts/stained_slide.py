"""What `infer` leaves for `evaluate` and `figures`: stained slides, and single training patches.

A sample's folder holds the virtual slide and its spread over overlapping tiles and, if the model
has the reverse direction, the virtual CT. The masked images show the mean background outside the
mask.
"""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from virtual_staining.artefacts.folders import StainedSlideFolder
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.image import read_image, write_image
from virtual_staining.errors import InputError
from virtual_staining.imaging.image_pair import fill_outside

REMEDY = "stain the slides again (`infer`)"
PATCH_KEYS = ("ct", "slide", "mask", "fake_slide")


@dataclass(frozen=True)
class StainedSlide:
    """One sample through a model.

    Parameters
    ----------
    slide : ndarray, shape (y, x, 3), uint8
        The virtual slide.
    spread : ndarray, shape (y, x), float32
        Standard deviation over overlapping tiles, mean of RGB, 8-bit levels.
    ct : ndarray, shape (y, x), uint16, or None
        The virtual CT, normalized grey levels; None if the model makes none.
    """

    slide: np.ndarray
    spread: np.ndarray
    ct: np.ndarray | None


def write_stained_slide(
    folder: StainedSlideFolder,
    stained: StainedSlide,
    mask: np.ndarray,
    background: tuple[int, np.ndarray],
    pixel_um: float,
) -> None:
    """Write a sample's stained images, with and without the mask.

    Parameters
    ----------
    folder : StainedSlideFolder
    stained : StainedSlide
    mask : ndarray, shape (y, x), bool
        Where CT and slide show the same tissue.
    background : (int, ndarray of uint8, shape (3,))
        Grey level and colour for the pixels outside the mask.
    pixel_um : float
        Pixel size, µm.
    """
    grey, colour = background
    write_image(folder.slide, stained.slide, pixel_um)
    write_image(folder.spread, stained.spread, pixel_um)
    write_image(folder.slide_masked, fill_outside(stained.slide, mask, colour), pixel_um)
    if stained.ct is not None:
        write_image(folder.ct, stained.ct, pixel_um)
        write_image(folder.ct_masked, fill_outside(stained.ct, mask, grey), pixel_um)


def read_stained_image(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Read one image of a sample's folder.

    Parameters
    ----------
    path : Path
        A file of :class:`~virtual_staining.artefacts.paths.StainedSlideFolder`.
    shape : (rows, columns)
        Size of the pair.

    Raises
    ------
    InputError
        If the file is missing or damaged, or not of the pair's size.
    """
    image = read_image(path)
    if image.shape[:2] != shape:
        raise InputError(f"{path}: {image.shape[:2]} pixels, but the pair has {shape}; {REMEDY}")
    return image


def write_training_patches(path: Path, patches: dict[str, np.ndarray]) -> None:
    """Write single training patches with what the model made of them, atomically.

    Parameters
    ----------
    path : Path
        Ends in ``.npz``.
    patches : dict of ndarray
        ``ct`` (n, y, x) uint16 normalized, ``slide`` and ``fake_slide`` (n, y, x, 3) uint8,
        ``mask`` (n, y, x) bool and, if the model makes CT, ``fake_ct`` like ``ct``; ``sample``
        (n,), names, which files of earlier versions lack.
    """
    with replacing(path) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **patches)


def read_training_patches(path: Path) -> dict[str, np.ndarray]:
    """Read the file of :func:`write_training_patches`.

    Raises
    ------
    InputError
        If the file is missing, damaged, lacks an array or holds no patch.
    """
    try:
        with np.load(path) as file:
            patches = dict(file)
    except (OSError, ValueError, BadZipFile) as error:
        raise InputError(f"{path}: cannot be read as NPZ ({error}); {REMEDY}") from error
    missing = [key for key in PATCH_KEYS if key not in patches]
    if missing or not len(patches["ct"]):
        raise InputError(f"{path}: lacks {', '.join(missing) or 'any patch'}; {REMEDY}")
    return patches
