"""Reading of landmarks: one file with pairs of points, or ``slide file::volume file``."""

import logging
from pathlib import Path

import numpy as np

from virtual_staining.errors import InputError
from virtual_staining.register.landmarks import bigwarp, elastix, own, qupath
from virtual_staining.register.landmarks.points import MILLIMETRES, PIXELS, Pairs, Points

log = logging.getLogger(__name__)

FORMATS = {
    "a table with named columns": own,
    "a BigWarp table": bigwarp,
    "an elastix point file": elastix,
    "points of QuPath": qupath,
}
COLUMNS = ", ".join(own.SLIDE_COLUMNS + own.VOLUME_COLUMNS)
BESIDE = 0.1  # landmarks may lie this far outside the slide, as a fraction of its size
UM_PER_MM = 1000.0


def read_landmarks(
    name: str, size_um: tuple[float, float], px_to_um: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Read landmark pairs of any known program.

    Parameters
    ----------
    name : str
        Path of a file with pairs, or ``path of the slide's points::path of the volume's points``.
    size_um : (width, height)
        Size of the slide, µm.
    px_to_um : ndarray, shape (2, 3)
        Pixels of the original slide, as its file stores them, to slide µm.

    Returns
    -------
    slide_um : ndarray, shape (n, 2)
    volume_um : ndarray, shape (n, 3)

    Raises
    ------
    InputError
        If a file is missing, of no known format or damaged, if the two files have different numbers
        of points, or if points lie beside the slide.
    """
    found = [_read(Path(part)) for part in name.split("::")]
    if len(found) == 1 and isinstance(found[0], Pairs):
        pairs = found[0]
    elif len(found) == 2 and all(isinstance(part, Points) for part in found):
        pairs = Pairs(*found)
    else:
        raise InputError(
            f"{name}: must be one file with pairs of points (the columns {COLUMNS}, or BigWarp), "
            "or the slide's and the volume's points as slide file::volume file (QuPath, elastix, "
            "or these columns)"
        )
    for points, axes, side in ((pairs.slide, 2, "slide"), (pairs.volume, 3, "volume")):
        if points.values.shape[1] != axes:
            raise InputError(
                f"{name}: the {side}'s points have {points.values.shape[1]} coordinates instead of "
                f"{axes}; the slide's file stands before ::, the volume's behind it"
            )
    if len(pairs.slide.values) != len(pairs.volume.values):
        raise InputError(
            f"{name}: {len(pairs.slide.values)} points on the slide, {len(pairs.volume.values)} in "
            "the volume; both files must hold the same landmarks in the same order"
        )
    slide, volume = _slide_um(pairs.slide, px_to_um), _in_um(pairs.volume)
    outside = (slide < -BESIDE * np.array(size_um)) | (slide > (1 + BESIDE) * np.array(size_um))
    if outside.any():
        first = int(np.flatnonzero(outside.any(1))[0])
        raise InputError(
            f"{name}: landmark {first + 1} lies beside the slide ({slide[first, 0]:.0f}, "
            f"{slide[first, 1]:.0f} µm of {size_um[0]:.0f} x {size_um[1]:.0f} µm); its coordinates "
            f"were read as {pairs.slide.unit}: check the unit, and which image is the slide"
        )
    return slide, volume


def _read(path: Path) -> Pairs | Points:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error})") from error
    for title, kind in FORMATS.items():
        if kind.recognizes(text):
            log.info("%s: read as %s", path, title)
            return kind.read(text, path)
    raise InputError(
        f"{path}: no landmarks are known in this form; needs the columns {COLUMNS}, or a file of "
        "BigWarp, elastix or QuPath (a pose is a .json file)"
    )


def _slide_um(points: Points, px_to_um: np.ndarray) -> np.ndarray:
    """Return slide points (n, 2) in µm of the slide as ingested.

    Physical coordinates, too, are those of the file's own pixels: a slide that lies on its side is
    turned by ``px_to_um``, whose columns have the length of a pixel. The half voxel between a
    volume's corner and the centre of its first voxel is left out: a rough pose is not that exact.
    """
    pixel_um = 1.0 if points.unit == PIXELS else np.hypot(*px_to_um[:, :2])
    pixels = _in_um(points) / pixel_um + 0.5 * points.from_center
    return pixels @ px_to_um[:, :2].T + px_to_um[:, 2]


def _in_um(points: Points) -> np.ndarray:
    return points.values * (UM_PER_MM if points.unit == MILLIMETRES else 1.0)
