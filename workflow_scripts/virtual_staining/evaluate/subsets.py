"""Which samples a fold trains on, validates on and never sees."""

from pathlib import Path

from virtual_staining.errors import InputError
from virtual_staining.files import read_json

SUBSETS = {"train": "Training", "validation": "Validation", "test": "Testing"}


def read_fold(path: str | Path, fold: int) -> tuple[dict, dict[str, list[str]]]:
    """Read one fold of a stain's ``folds.json``.

    Returns
    -------
    folds : dict
        The whole file: ``stain``, ``material`` by sample, …
    members : dict
        Sample ids by subset: ``train``, ``validation`` and ``test``, in this order.

    Raises
    ------
    InputError
        If the file lacks the fold or a key; the message names it.
    """
    folds = read_json(path)
    try:
        known = {int(entry["fold"]): entry for entry in folds["folds"]}
        if fold not in known:
            raise InputError(f"{path}: no fold {fold}; it has {sorted(known)}")
        members = {name: list({**known[fold], "test": folds["test"]}[name]) for name in SUBSETS}
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: missing key {error}") from error
    return folds, members
