"""Normalized image pairs with their masks, and which of them a fold uses."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.files import read_image, read_json

REMAKE = "`snakemake pairs` makes what is missing of the pairs, then start again"


@dataclass(frozen=True)
class Pair:
    """One normalized CT plane and slide, pixel on pixel.

    Parameters
    ----------
    sample : str
        Its id.
    ct : ndarray, shape (y, x), uint16
        Bone mean 30000, background mean 10000.
    slide : ndarray, shape (y, x, 3), uint8
        White-balanced and stretched.
    mask : ndarray, shape (y, x), bool
        True where CT and slide show the same tissue.
    """

    sample: str
    ct: np.ndarray
    slide: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Fold:
    """The samples of one fold of cross-validation, as tuples of ids."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def samples(self) -> tuple[str, ...]:
        """All samples: training, validation, test."""
        return self.train + self.validation + self.test


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


def load_pair(sample: str, normalize_dir: str | Path, mask_dir: str | Path) -> Pair:
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
    return Pair(sample, ct, slide, mask > 0)


def _kind(image: np.ndarray) -> str:
    return f"{image.dtype} {image.shape}"


def pixel_size_um(path: str | Path) -> float:
    """Return the pixel size stored in a TIFF, µm.

    Raises
    ------
    InputError
        If the file is missing or holds no resolution in centimetres.
    """
    try:
        with tifffile.TiffFile(path) as tiff:
            tags = tiff.pages[0].tags
            if tags["ResolutionUnit"].value != tifffile.RESUNIT.CENTIMETER:
                raise KeyError("ResolutionUnit")
            pixels, centimetres = tags["XResolution"].value
            return 1e4 * centimetres / pixels
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (KeyError, ZeroDivisionError, tifffile.TiffFileError) as error:
        raise InputError(f"{path}: no pixel size in centimetres stored") from error


def read_fold(path: str | Path, fold: int) -> Fold:
    """Read one fold from ``folds.json``.

    Raises
    ------
    InputError
        If the file or the fold is missing, or the fold has no training sample.
    """
    content = read_json(path)
    try:
        folds = {entry["fold"]: entry for entry in content["folds"]}
        test = tuple(content["test"])
        if fold not in folds:
            raise InputError(f"{path}: no fold {fold}; it has {sorted(folds)}")
        chosen = Fold(tuple(folds[fold]["train"]), tuple(folds[fold]["validation"]), test)
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: not a file of folds ({error!r})") from error
    if not chosen.train:
        raise InputError(f"{path}: fold {fold} has no training sample")
    return chosen
