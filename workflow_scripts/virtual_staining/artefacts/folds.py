"""What `split` leaves for later stages: folds.json, and the three subsets of a fold."""

from dataclasses import dataclass
from pathlib import Path

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
