"""What `split` leaves for later stages: folds.json, and one file of each fold for its training.

The content of these files decides whether models are trained anew. So the files do not name the
version of the program that wrote them, and a training's file does not name the test samples.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.folders import SplitFolder
from virtual_staining.artefacts.storage.document import read_document, write_document
from virtual_staining.errors import InputError

FORMAT = 1
REMEDY = "divide the samples again (`split`)"
SUBSETS = {"train": "Training", "validation": "Validation", "test": "Testing"}


@dataclass(frozen=True)
class Folds:
    """All folds of one stain: the content of ``folds.json``.

    Parameters
    ----------
    stain : str
    seed : int
        Of the random order.
    folds : list of dict
        Each ``fold`` (number from 1), ``train`` and ``validation`` (lists of sample ids).
    test : list of str
        Ids of the test samples.
    material, group : dict
        By sample id.
    images : dict
        Digest of each sample's images, see :func:`~virtual_staining.artefacts.pair.pair_digest`.
    tissue : dict
        Digest of each sample's tissue classes. They enter the evaluation and no training, so the
        files of single folds do not hold them.
    dropped : list of str
        Ids of the samples that were left out because their registration is unsure.
    """

    stain: str
    seed: int
    folds: list[dict]
    test: list[str]
    material: dict[str, str]
    group: dict[str, str]
    images: dict[str, str]
    tissue: dict[str, str]
    dropped: list[str]


@dataclass(frozen=True)
class Fold:
    """One fold of cross-validation.

    Parameters
    ----------
    train, validation, test : tuple of str
        Sample ids.
    stain : str
    material : mapping
        Implant material by sample id; empty if the file of a training was read.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    stain: str
    material: Mapping[str, str]

    @property
    def samples(self) -> tuple[str, ...]:
        """All samples: training, validation, test."""
        return self.train + self.validation + self.test


def write_folds(folder: SplitFolder, folds: Folds) -> None:
    """Write ``folds.json``, and ``fold-{fold}.json`` for the training of each fold."""
    write_document(folder.folds, FORMAT, asdict(folds))
    for fold in folds.folds:
        write_document(folder.fold(fold["fold"]), FORMAT, _for_training(folds, fold))


def _for_training(folds: Folds, fold: dict) -> dict:
    """Return what the training of one fold depends on; a new test sample does not change it."""
    samples = sorted(fold["train"] + fold["validation"])
    images = {sample: folds.images[sample] for sample in samples}
    return {"stain": folds.stain, "folds": [fold], "test": [], "images": images}


def read_fold(path: str | Path, fold: int) -> Fold:
    """Read one fold from ``folds.json`` or from the file of its training.

    Raises
    ------
    InputError
        If the file or the fold is missing, or the fold has no training sample.
    """
    content = read_document(path, FORMAT, REMEDY).values
    try:
        folds = {entry["fold"]: entry for entry in content["folds"]}
        if fold not in folds:
            raise InputError(f"{path}: no fold {fold}; it has {sorted(folds)}")
        chosen = Fold(
            train=tuple(folds[fold]["train"]),
            validation=tuple(folds[fold]["validation"]),
            test=tuple(content["test"]),
            stain=content["stain"],
            material=content.get("material", {}),
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: not a file of folds ({error!r}); {REMEDY}") from error
    if not chosen.train:
        raise InputError(f"{path}: fold {fold} has no training sample")
    return chosen


def check_folds(samples: pd.DataFrame, n_folds: int) -> None:
    """Refuse more folds than the samples can fill.

    Parameters
    ----------
    samples : DataFrame
        One row a cross-validation sample of one stain, columns ``material`` and ``group``.
    n_folds : int
        Number of folds.

    Raises
    ------
    InputError
        If there are fewer groups than folds, or, where groups hold several samples, no material
        has as many samples as there are folds.
    """
    n_groups = samples["group"].nunique()
    if n_groups < n_folds:
        raise InputError(
            f"split.folds: {n_folds} must be at most the number of groups: "
            f"{len(samples)} crossval sample(s) form {n_groups} group(s), too few for {n_folds} "
            "folds; lower split.folds, add samples, or name smaller groups in the sheet's column "
            "`group` where samples are independent"
        )
    if n_groups < len(samples) and samples["material"].value_counts().max() < n_folds:
        raise InputError(
            f"split.folds: no material has {n_folds} samples, so grouped folds cannot be "
            "stratified; lower split.folds or add samples"
        )
