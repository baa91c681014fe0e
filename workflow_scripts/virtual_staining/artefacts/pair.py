"""What `normalize` and `mask` leave for later stages: the normalized pair, mask and tissue."""

import hashlib
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.errors import InputError
from virtual_staining.imaging.image_pair import TrainingPair

REMAKE = "`snakemake pairs` makes what is missing of the pairs, then start again"
LETTERS = 16


def pair_files(sample: str, normalize_dir: str | Path, mask_dir: str | Path) -> dict[str, Path]:
    """Return where a pair's ``ct``, ``slide`` and ``mask`` lie.

    Raises
    ------
    InputError
        If one of them does not exist. The folds alone do not make the workflow remake it.
    """
    normalized = Path(normalize_dir) / sample
    files = {
        "ct": normalized / "ct.tif",
        "slide": normalized / "slide.tif",
        "mask": Path(mask_dir) / sample / "mask.tif",
    }
    for path in files.values():
        if not path.is_file():
            raise InputError(f"{path}: no such file; {REMAKE}")
    return files


def load_pair(sample: str, normalize_dir: str | Path, mask_dir: str | Path) -> TrainingPair:
    """Read one pair and its mask.

    Raises
    ------
    InputError
        If a file is missing or unreadable, or types or sizes do not fit each other.
    """
    files = pair_files(sample, normalize_dir, mask_dir)
    ct, slide, mask = (read_image(path) for path in files.values())
    if ct.ndim != 2 or ct.dtype != np.uint16:
        raise InputError(f"{files['ct']}: expected a grey uint16 image, got {_kind(ct)}")
    if slide.shape != (*ct.shape, 3) or slide.dtype != np.uint8:
        raise InputError(
            f"{files['slide']}: expected RGB uint8 of the CT's size {ct.shape}, got {_kind(slide)}"
        )
    if mask.shape != ct.shape:
        raise InputError(f"{files['mask']}: expected the CT's size {ct.shape}, got {_kind(mask)}")
    return TrainingPair(sample, ct, slide, mask > 0)


def _kind(image: np.ndarray) -> str:
    return f"{image.dtype} {image.shape}"


def load_tissue(pair: TrainingPair, mask_dir: str | Path) -> np.ndarray:
    """Read a pair's tissue classes (:class:`~virtual_staining.imaging.tissue.classes.Tissue`).

    Returns
    -------
    ndarray of uint8, shape (y, x)

    Raises
    ------
    InputError
        If the file is missing or unreadable, or does not fit the pair.
    """
    path = _tissue_file(pair.sample, mask_dir)
    classes = read_image(path)
    if classes.shape != pair.mask.shape or classes.dtype != np.uint8:
        raise InputError(
            f"{path}: expected uint8 of the CT's size {pair.mask.shape}, got {_kind(classes)}"
        )
    return classes


def _tissue_file(sample: str, mask_dir: str | Path) -> Path:
    path = Path(mask_dir) / sample / "tissue.tif"
    if not path.is_file():
        raise InputError(f"{path}: no such file; {REMAKE}")
    return path


def background_levels(path: str | Path) -> tuple[int, np.ndarray]:
    """Read a normalized pair's mean background from its ``stats.json``.

    Returns
    -------
    ct : int
        Grey level, uint16 units.
    slide : ndarray, shape (3,), uint8
        Colour.

    Raises
    ------
    InputError
        If the file is missing or lacks these levels.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file; {REMAKE}")
    stats = read_json(path)
    try:
        rgb = np.array(stats["slide"]["background_after_rgb"], float).reshape(3)
        return round(stats["ct_background_after"]), rgb.round().astype(np.uint8)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: no background level stored ({error!r})") from error


def pair_digest(sample: str, normalize_dir: str | Path, mask_dir: str | Path) -> str:
    """Return a digest of a pair's ``ct.tif``, ``slide.tif``, ``mask.tif`` and ``stats.json``.

    The files are read piece by piece; names, places and times do not matter.

    Parameters
    ----------
    sample : str
        Its id.
    normalize_dir, mask_dir : path
        Folders with ``{sample}/``.

    Returns
    -------
    str
        16 letters of a SHA-256: enough to tell millions of pairs apart, and short, because
        Snakemake compares the files that hold them by content only up to 1 MB.

    Raises
    ------
    InputError
        If one of the files does not exist.
    """
    stats = Path(normalize_dir) / sample / "stats.json"
    return _digest([*pair_files(sample, normalize_dir, mask_dir).values(), stats])


def tissue_digest(sample: str, mask_dir: str | Path) -> str:
    """Return a digest of a pair's ``tissue.tif``, which evaluation alone depends on.

    Raises
    ------
    InputError
        If the file does not exist.
    """
    return _digest([_tissue_file(sample, mask_dir)])


def _digest(paths: list[Path]) -> str:
    whole = hashlib.sha256()
    try:
        for path in paths:
            with open(path, "rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: no such file; {REMAKE}") from error
    return whole.hexdigest()[:LETTERS]
