"""``register points``: map points of a slide to the volume, or of the volume to a slide.

Slide points are pixels of the original slide at full resolution, x to the right and y downwards
from its outer corner; volume points are µm from the volume's outer corner.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from virtual_staining.artefacts.registration_place import read_section_map
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.landmarks.own import SLIDE_COLUMNS, VOLUME_COLUMNS

DISTANCE_COLUMN = "distance_um"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's arguments."""
    parser.add_argument("--transform", required=True, type=Path, help="transform.json of a pair")
    parser.add_argument(
        "--points",
        required=True,
        type=Path,
        help=f"CSV with the columns {','.join(SLIDE_COLUMNS)} or {','.join(VOLUME_COLUMNS)}",
    )
    parser.add_argument("--out", required=True, type=Path, help="CSV to write")


def run(args: argparse.Namespace) -> None:
    """Write the points with the columns of the other space added."""
    section, px_to_um = read_section_map(args.transform)
    table = add_other_space(read_points(args.points), section, px_to_um, str(args.points))
    with replacing(args.out) as temporary:
        table.to_csv(temporary, index=False)


def slide_to_volume(points_px: np.ndarray, section: SectionMap, px_to_um: np.ndarray) -> np.ndarray:
    """Map points of the original slide (n, 2), pixels, to the volume, (n, 3) µm.

    ``section`` and ``px_to_um`` are as in :func:`volume_to_slide`.
    """
    points = np.asarray(points_px, float)
    return section.to_volume(points @ px_to_um[:, :2].T + px_to_um[:, 2])


def volume_to_slide(
    points_um: np.ndarray, section: SectionMap, px_to_um: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Map points of the volume to the nearest points of the section's plane.

    Parameters
    ----------
    points_um : ndarray, shape (n, 3)
        Volume points (x, y, z), µm.
    section : SectionMap
        Slide µm to volume µm.
    px_to_um : ndarray, shape (2, 3)
        Pixels of the original slide, as its file stores them, to slide µm.

    Returns
    -------
    points_px : ndarray, shape (n, 2)
        Pixels of the original slide.
    distances_um : ndarray, shape (n,)
        Distance from the plane; positive on the side of ``u × v``, which is behind the image for a
        person who looks at it.
    """
    points_um = np.asarray(points_um, float)
    distances_um = (points_um - section.origin_um) @ section.normal
    upright_um = section.to_slide(points_um) - px_to_um[:, 2]
    return np.linalg.solve(px_to_um[:, :2], upright_um.T).T, distances_um


def read_points(path: str | Path) -> pd.DataFrame:
    """Read a CSV file as text cells, so that columns without coordinates stay as they are.

    Raises
    ------
    InputError
        If the file is missing or holds no table; the message names it.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({error})") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise InputError(f"{path}: rows have more fields than the first line has names")
    return table


def add_other_space(
    table: pd.DataFrame, section: SectionMap, px_to_um: np.ndarray, name: str
) -> pd.DataFrame:
    """Return a table with the points' coordinates in the other space as further columns.

    Parameters
    ----------
    table : DataFrame
        Either the columns ``slide_x_px, slide_y_px`` or ``volume_x_um, volume_y_um,
        volume_z_um``, and any others.
    section : SectionMap
        Slide µm to volume µm.
    px_to_um : ndarray, shape (2, 3)
        Pixels of the original slide, as its file stores them, to slide µm.
    name : str
        Name of the table's file, for messages.

    Returns
    -------
    DataFrame
        The given columns unchanged, followed by the volume's coordinates, or by the slide's
        coordinates and ``distance_um``.

    Raises
    ------
    InputError
        If columns are missing, a column to be written exists, or a coordinate is no number.
    """
    spaces = [columns for columns in (SLIDE_COLUMNS, VOLUME_COLUMNS) if set(columns) & set(table)]
    if len(spaces) != 1:
        problem = "both kinds of" if spaces else "no"
        raise InputError(
            f"{name}: {problem} coordinate columns; give either {', '.join(SLIDE_COLUMNS)} or "
            f"{', '.join(VOLUME_COLUMNS)}"
        )
    points = _numbers(table, spaces[0], name)
    if spaces[0] == SLIDE_COLUMNS:
        columns, values = VOLUME_COLUMNS, slide_to_volume(points, section, px_to_um)
    elif DISTANCE_COLUMN in table:
        raise InputError(f"{name}: {DISTANCE_COLUMN}: is a column to be written; rename this one")
    else:
        columns = [*SLIDE_COLUMNS, DISTANCE_COLUMN]
        values = np.column_stack(volume_to_slide(points, section, px_to_um))
    return table.assign(**dict(zip(columns, values.T, strict=True)))


def _numbers(table: pd.DataFrame, columns: list[str], name: str) -> np.ndarray:
    missing = [column for column in columns if column not in table]
    if missing:
        raise InputError(f"{name}: missing column(s) {', '.join(missing)}")
    numbers = table[columns].apply(pd.to_numeric, errors="coerce").astype(float)
    for column in columns:
        bad = np.flatnonzero(~np.isfinite(numbers[column]))
        if len(bad):
            cell = table[column].iloc[bad[0]]
            raise InputError(f"{name}: {column}: row {bad[0] + 1}: {cell!r} is not a number")
    return numbers.to_numpy()
