"""What an image file says, in a few letters: so that folds change when a pair does."""

import hashlib
from pathlib import Path

from virtual_staining.errors import InputError
from virtual_staining.pairs import REMAKE, pair_files

LETTERS = 16


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
    whole = hashlib.sha256()
    try:
        for path in (*pair_files(sample, normalize_dir, mask_dir).values(), stats):
            with open(path, "rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest())
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: no such file; {REMAKE}") from error
    return whole.hexdigest()[:LETTERS]
