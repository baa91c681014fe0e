"""What `split` leaves for later stages: folds.json, and the three subsets of a fold."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.errors import InputError

SUBSETS = {"train": "Training", "validation": "Validation", "test": "Testing"}


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
