"""What `normalize` and `mask` leave for later stages: the normalized pair, mask and tissue."""

import hashlib
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.folders import MaskFolder, NormalizedFolder
from virtual_staining.artefacts.pair_stats import PairStats, write_stats
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.image import read_image, write_image
from virtual_staining.errors import InputError
from virtual_staining.imaging.image_pair import TrainingPair
from virtual_staining.imaging.tissue.classes import Tissue

REMEDY = "`snakemake pairs` makes what is missing of the pairs, then start again"
DIGEST_LETTERS = 16


def write_normalized_pair(
    folder: NormalizedFolder, ct: np.ndarray, slide: np.ndarray, pixel_um: float, stats: PairStats
) -> None:
    """Write a normalized pair and what was measured.

    Parameters
    ----------
    folder : NormalizedFolder
    ct : ndarray, shape (y, x), uint16
        Bone mean 30000, background mean 10000.
    slide : ndarray, shape (y, x, 3), uint8
        White-balanced and stretched.
    pixel_um : float
        Pixel size, µm.
    stats : PairStats
    """
    write_image(folder.ct, ct, pixel_um)
    write_image(folder.slide, slide, pixel_um)
    write_stats(folder.stats, stats)


def write_mask(folder: MaskFolder, mask: np.ndarray, tissue: np.ndarray, pixel_um: float) -> None:
    """Write a pair's correspondence mask, as uint8 0 and 255, and its tissue classes.

    Parameters
    ----------
    folder : MaskFolder
    mask : ndarray, shape (y, x), bool
        Where CT and slide show the same tissue.
    tissue : ndarray, shape (y, x), uint8
        Codes of :class:`~virtual_staining.imaging.tissue.classes.Tissue`.
    pixel_um : float
        Pixel size, µm.
    """
    write_image(folder.mask, mask.astype(np.uint8) * 255, pixel_um)
    write_image(folder.tissue, tissue, pixel_um)


def pair_files(results: Results, sample: str) -> dict[str, Path]:
    """Return where a pair's ``ct``, ``slide`` and ``mask`` lie.

    Raises
    ------
    InputError
        If one of them does not exist. The folds alone do not make the workflow remake it.
    """
    normalized = results.normalized(sample)
    files = {"ct": normalized.ct, "slide": normalized.slide, "mask": results.mask(sample).mask}
    for path in files.values():
        _check_exists(path)
    return files


def _check_exists(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"{path}: no such file; {REMEDY}")


def read_training_pair(results: Results, sample: str) -> TrainingPair:
    """Read one pair and its mask.

    Raises
    ------
    InputError
        If a file is missing or unreadable, or types or sizes do not fit each other.
    """
    files = pair_files(results, sample)
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


def read_tissue(results: Results, pair: TrainingPair) -> np.ndarray:
    """Read a pair's tissue classes (:class:`~virtual_staining.imaging.tissue.classes.Tissue`).

    Returns
    -------
    ndarray of uint8, shape (y, x)

    Raises
    ------
    InputError
        If the file is missing or unreadable, or does not fit the pair.
    """
    path = results.mask(pair.sample).tissue
    _check_exists(path)
    classes = read_image(path)
    if classes.shape != pair.mask.shape or classes.dtype != np.uint8:
        raise InputError(
            f"{path}: expected uint8 of the CT's size {pair.mask.shape}, got {_kind(classes)}"
        )
    return classes


def pair_digest(results: Results, sample: str) -> str:
    """Return a digest of all of a pair that a training may depend on.

    That is ``ct.tif``, ``slide.tif``, ``mask.tif``, ``stats.json`` and where ``tissue.tif`` says
    that nothing can be learned. Names, places and times of the files do not matter.

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
    tissue = results.mask(sample).tissue
    _check_exists(tissue)
    unknown = np.packbits(read_image(tissue) == Tissue.UNKNOWN).tobytes()
    files = *pair_files(results, sample).values(), results.normalized(sample).stats
    return _digest(*files, also=unknown)


def tissue_digest(results: Results, sample: str) -> str:
    """Return a digest of a pair's ``tissue.tif``, which evaluation alone depends on.

    Raises
    ------
    InputError
        If the file does not exist.
    """
    return _digest(results.mask(sample).tissue)


def _digest(*paths: Path, also: bytes = b"") -> str:
    whole = hashlib.sha256(also)
    for path in paths:
        _check_exists(path)
        with open(path, "rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:DIGEST_LETTERS]
