"""Training slides whose soft tissue was brought nearer to the CT: ``refined.json``.

The file holds the figures of each sample of cross-validation and, where the refinement was taken, a
digest of the refined slide, which lies in the folder ``refined`` beside the file. Training alone
reads refined slides; every other stage uses the slides of ``normalize``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from virtual_staining.artefacts.folders import SplitFolder
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.document import read_document, write_document
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.errors import InputError

FORMAT = 1
REMEDY = "refine the pairs again (delete refined.json)"
DIGEST_LETTERS = 16


@dataclass(frozen=True)
class Refinement:
    """What was measured of one slide's refinement.

    Parameters
    ----------
    rms_um, largest_um : float
        Displacement of soft tissue, µm.
    bone_px : float
        99th percentile of the displacement of rigid tissue, px.
    folded : float
        Fraction of soft tissue that folds over itself.
    return_px : float
        Median distance to where the displacements there and back end, px.
    trusted : float
        Fraction of soft tissue in which there and back agree.
    gain, null_gain : float
        Gain of soft tissue's SSIM to the slide's prediction, and of the same refinement to the
        prediction of another specimen.
    refused : str
        Why the refinement was not taken; empty where it was.
    """

    rms_um: float
    largest_um: float
    bone_px: float
    folded: float
    return_px: float
    trusted: float
    gain: float
    null_gain: float
    refused: str


def write_refined(
    folder: SplitFolder, figures: Mapping[str, Refinement], digests: Mapping[str, str]
) -> None:
    """Write ``refined.csv`` and, last, ``refined.json``.

    Parameters
    ----------
    folder : SplitFolder
    figures : mapping
        By sample.
    digests : mapping
        Digest of each refined slide, by sample; samples left as they are have none.
    """
    rows = {sample: asdict(figure) for sample, figure in figures.items()}
    with replacing(folder.refined_table) as temporary:
        pd.DataFrame.from_dict(rows, orient="index").rename_axis("sample").to_csv(temporary)
    values = {name: {**row, "slide": digests.get(name, "")} for name, row in rows.items()}
    write_document(folder.refined, FORMAT, {"samples": values})


def slide_digest(slide: np.ndarray) -> str:
    """Return letters that differ between two slides."""
    return hashlib.sha256(np.ascontiguousarray(slide).tobytes()).hexdigest()[:DIGEST_LETTERS]


def refined_slide(path: str | Path, sample: str) -> Path:
    """Return where a refined slide lies, from the path of ``refined.json``."""
    return SplitFolder(Path(path).parent).refined_slides / f"{sample}.tif"


def read_refined(path: str | Path) -> dict[str, str]:
    """Return the digest of each refined slide by sample, from ``refined.json``.

    Raises
    ------
    InputError
        If the file is missing, of an unknown format or damaged.
    """
    samples = read_document(path, FORMAT, REMEDY).value("samples", dict, "an object")
    try:
        return {sample: row["slide"] for sample, row in samples.items() if row["slide"]}
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: samples: not such a file ({error!r}); {REMEDY}") from error


def read_refined_slide(path: str | Path, sample: str) -> np.ndarray:
    """Read a refined slide, uint8 (y, x, 3).

    Raises
    ------
    InputError
        If the file is missing, cannot be read or is not the one that ``refined.json`` names.
    """
    file = refined_slide(path, sample)
    slide = read_image(file)
    if slide_digest(slide) != read_refined(path).get(sample):
        raise InputError(f"{file}: is not the slide that {path} names; {REMEDY}")
    return slide
