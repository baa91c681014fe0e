"""The order of DICOM slices and the distance between them, from their positions."""

import logging
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.readers.dicom_header import DicomFile

log = logging.getLogger(__name__)

STEP_TOLERANCE = 0.02  # distances of slices may differ by this share of the usual one
SPACING_BETWEEN = "0018|0088"
POSITION, ORIENTATION, NUMBER = "0020|0032", "0020|0037", "0020|0013"


def in_order(path: Path, files: list[DicomFile]) -> tuple[list[DicomFile], float | None]:
    """Sort slices by their positions and return the distance between them, µm, if it is known.

    Parameters
    ----------
    path : Path
        The folder, for messages.
    files : list of DicomFile
        Their headers.

    Raises
    ------
    InputError
        If the order is unknown, a slice is missing, or the slices are displaced sideways.
    """
    if len(files) == 1:
        between = files[0].numbers(SPACING_BETWEEN)
        return files, 1000.0 * between[0] if between else None
    cosines = files[0].numbers(ORIENTATION)
    normal = np.cross(cosines[:3], cosines[3:]) if len(cosines) == 6 else np.array([0, 0, 1.0])
    points = [file.numbers(POSITION) for file in files]
    positioned = all(len(point) == len(normal) for point in points)
    if (
        not positioned or len(set(map(tuple, points))) == 1
    ):  # writers that know none give one to all
        numbers = [(file.numbers(NUMBER) or [np.nan])[0] for file in files]
        if len(set(numbers)) != len(files):
            raise InputError(
                f"{path}: its slices have neither positions nor numbers of their own, so that "
                "their order is unknown"
            )
        log.warning("%s: its slices have no positions; they are sorted by their numbers", path)
        order = np.argsort(numbers)
        _check_steps(path, [files[i] for i in order], np.array(numbers)[order])
        return [files[i] for i in order], None
    along = np.array(points) @ normal
    _check_straight(path, np.array(points), along, normal)
    order = np.argsort(along, kind="stable")
    files, steps_mm = [files[i] for i in order], np.diff(along[order])
    usual = float(np.median(steps_mm))
    odd = np.abs(steps_mm - usual) > STEP_TOLERANCE * usual
    if usual <= 0 or odd.any():
        at = int(np.argmax(odd)) if usual > 0 else 0
        raise InputError(
            f"{path}: its slices {files[at].path.name} and {files[at + 1].path.name} are "
            f"{steps_mm[at]:g} mm apart, the others {usual:g} mm; a slice is missing or stands "
            "twice"
        )
    return files, 1000.0 * usual


def _check_steps(path: Path, files: list[DicomFile], numbers: np.ndarray) -> None:
    """Refuse sorted numbers of slices that do not rise by one step."""
    steps = np.diff(numbers)
    odd = steps != np.median(steps)
    if odd.any():
        at = int(np.argmax(odd))
        raise InputError(
            f"{path}: its slices have no positions, and {files[at].path.name} has the number "
            f"{numbers[at]:g}, {files[at + 1].path.name} the number {numbers[at + 1]:g}, where the "
            f"others are {np.median(steps):g} apart; a slice is missing"
        )


def _check_straight(path: Path, points: np.ndarray, along: np.ndarray, normal: np.ndarray) -> None:
    """Refuse slices of which each is displaced within its plane against the one before.

    Parameters
    ----------
    points : ndarray, shape (slices, 3)
        Positions of the slices' first pixels, mm.
    along : ndarray, shape (slices,)
        Their positions along ``normal``, mm.
    normal : ndarray, shape (3,)
        Unit vector across the slices.
    """
    sideways = points - np.outer(along, normal)
    shift_mm = float(np.linalg.norm(np.ptp(sideways, axis=0)))
    if shift_mm > STEP_TOLERANCE * np.ptp(along):
        raise InputError(
            f"{path}: its slices are displaced sideways by {shift_mm:g} mm within "
            f"{np.ptp(along):g} mm (a tilted gantry); resample them to a straight volume, for "
            "example with dcm2niix"
        )
