"""A rough first pose of a section, read from a pose file or from landmark pairs."""

import logging
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap, pose_to_map
from virtual_staining.readers.files import check_file
from virtual_staining.register.landmarks.read import read_landmarks
from virtual_staining.register.similarity import pose

log = logging.getLogger(__name__)

MAX_LENGTH_MISMATCH = 0.25  # a larger one means a wrong pixel size or exchanged landmarks
DOUBTFUL_MISMATCH = 0.06  # sections stretch less


def read_initial_pose(
    path: str | Path, size_um: tuple[float, float], px_to_um: np.ndarray
) -> np.ndarray:
    """Read a first pose.

    Parameters
    ----------
    path : path
        JSON ``{"center_um": [x, y, z], "u": [x, y, z], "v": [x, y, z]}`` gives
        the volume point of the slide's centre and the volume directions of its x and y axes. The
        ``transform.json`` of an earlier registration gives that pose, with its stretch. Anything
        else gives at least three landmarks, as
        :func:`~virtual_staining.register.landmarks.read.read_landmarks` reads them.
    size_um : (width, height)
        Size of the slide, µm.
    px_to_um : ndarray, shape (2, 3)
        Pixels of the original slide, as its file stores them, to slide µm; used for landmarks.

    Returns
    -------
    ndarray, shape (12,)
        A pose (:mod:`~virtual_staining.register.similarity.pose`), rigid unless it comes from a
        ``transform.json``.

    Raises
    ------
    InputError
        If the file is missing or does not define a pose; the message names file and field.
    """
    name, path = str(path), Path(path)
    for part in name.split("::"):
        if Path(part).exists():
            check_file(part)
    if path.suffix.lower() == ".json" and "::" not in name:
        values = read_json(path)
        if "slide_to_volume" in values:
            known = SectionMap.from_dict(values["slide_to_volume"], f"{path}: slide_to_volume")
            return pose.from_map(known, size_um)
        section = _from_axes(values, path, size_um)
    else:
        section = _from_landmarks(name, size_um, px_to_um)
    guess = pose.from_map(section, size_um)
    guess[pose.STRETCH] = 0
    return guess


def _from_axes(values: dict, path: Path, size_um: tuple[float, float]) -> SectionMap:
    vectors = {}
    for key in ("center_um", "u", "v"):
        try:
            vectors[key] = np.array(values[key], float).reshape(3)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: {key}: must be three numbers [x, y, z]") from error
        if not np.isfinite(vectors[key]).all():
            raise InputError(f"{path}: {key}: must be finite numbers")
    u, v = vectors["u"], vectors["v"]
    lengths = np.linalg.norm(u) * np.linalg.norm(v)
    if lengths == 0 or np.linalg.norm(np.cross(u, v)) < 0.5 * lengths:
        raise InputError(f"{path}: u, v: must be two directions roughly at right angles")
    return pose_to_map(vectors["center_um"], u, v, size_um)


def _from_landmarks(name: str, size_um: tuple[float, float], px_to_um: np.ndarray) -> SectionMap:
    slide, volume = read_landmarks(name, size_um, px_to_um)
    if len(slide) < 3:
        raise InputError(f"{name}: {len(slide)} landmark pairs; at least 3 are needed")
    try:
        return fit_rigid(slide, volume)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error


def fit_rigid(slide_um: np.ndarray, volume_um: np.ndarray) -> SectionMap:
    """Fit an undistorted section map to landmark pairs by least squares (Procrustes).

    The normal ``u × v`` may point to either side, so mirrored sections are fitted too.

    Parameters
    ----------
    slide_um : ndarray, shape (n, 2)
        Points (x, y) on the slide, µm.
    volume_um : ndarray, shape (n, 3)
        The same points (x, y, z) in the volume, µm.

    Returns
    -------
    SectionMap

    Raises
    ------
    ValueError
        If the landmarks lie on a line, or their distances on the slide and in the volume differ
        by more than a quarter.
    """
    slide = slide_um - slide_um.mean(0)
    volume = volume_um - volume_um.mean(0)
    spread = np.linalg.svd(slide, compute_uv=False)
    if spread[1] < 0.02 * spread[0] or spread[0] == 0:
        raise ValueError("the landmarks lie on one line of the slide; add one beside it")
    ratio = np.sqrt((volume**2).sum() / (slide**2).sum())
    if abs(ratio - 1) > MAX_LENGTH_MISMATCH:
        raise ValueError(
            f"landmarks are {ratio:.2f} times as far apart in the volume as on the slide; check "
            "the slide's pixel size and the units (slide: pixels of the original, volume: µm)"
        )
    if abs(ratio - 1) > DOUBTFUL_MISMATCH:
        log.warning(
            "the landmarks are %.2f times as far apart in the volume as on the slide; check the "
            "units and the pixel size of the slide",
            ratio,
        )
    left, _, right = np.linalg.svd(slide.T @ volume, full_matrices=False)
    u, v = left @ right
    origin = volume_um.mean(0) - slide_um.mean(0) @ np.stack([u, v])
    return SectionMap(origin, u, v)
