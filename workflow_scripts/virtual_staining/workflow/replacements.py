"""What a run replaces that took hours: why, and where the earlier weights are kept."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.pair import pair_files
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.training_record import (
    TrainingRecord,
    file_checksum,
    keep_weights,
    read_record,
)
from virtual_staining.errors import InputError

LONGEST = 3  # samples or settings that a sentence names


def training_again(
    results: Results, stain: str, model: str, fold: int, settings: Mapping[str, Any], otherwise: str
) -> str:
    """Keep the weights of a training that is about to be replaced, and say why it is.

    Parameters
    ----------
    results : Results
    stain, model : str
    fold : int
    settings : mapping
        The keys that reach the weights of the model, and their values now.
    otherwise : str
        The reason to give where the record of the training names none.

    Returns
    -------
    str
        A sentence; empty if there are no earlier weights.
    """
    folder = results.trained(stain, model, fold)
    kept = keep_weights(folder)
    if kept is None:
        return ""
    record = read_record(folder)
    why = _changes(record, results, stain, fold, settings) if record else []
    return (
        f"{stain}, {model}, fold {fold} trains again: {'; '.join(why) or otherwise}; the earlier "
        f"weights are kept in {kept}"
    )


def _changes(
    record: TrainingRecord, results: Results, stain: str, fold: int, settings: Mapping[str, Any]
) -> list[str]:
    """Return what differs from what the weights were trained on, in words."""
    before, now = record.settings, settings
    said = [
        f"{key} is {now[key]!r} and was {before.get(key)!r}"
        for key in sorted(now)
        if now[key] != before.get(key)
    ]
    return [
        *_few(said, "settings"),
        *_few(_sample_changes(record, results, stain, fold), "samples"),
    ]


def _few(said: list[str], what: str) -> list[str]:
    more = len(said) - LONGEST
    return said[:LONGEST] + ([f"and {more} more {what}"] if more > 0 else [])


def _sample_changes(record: TrainingRecord, results: Results, stain: str, fold: int) -> list[str]:
    """Return what changed in the samples of a fold: members, and images of members."""
    try:
        wanted = read_fold(results.split(stain).fold(fold), fold)
    except InputError:
        return []
    train, validation = (set(ids) for ids in record.inputs["fold"])
    said = [
        *(
            f"{s} is new"
            for s in sorted(set(wanted.train + wanted.validation) - train - validation)
        ),
        *(
            f"{s} is gone"
            for s in sorted((train | validation) - {*wanted.train, *wanted.validation})
        ),
        *(f"{s} now validates" for s in sorted(train & set(wanted.validation))),
        *(f"{s} is now trained on" for s in sorted(validation & set(wanted.train))),
    ]
    for sample in sorted((train | validation) & {*wanted.train, *wanted.validation}):
        kinds = list(_changed_images(record, results, sample))
        if kinds:
            said.append(f"the {' and '.join(kinds)} of {sample} changed")
    return said


def _changed_images(record: TrainingRecord, results: Results, sample: str) -> Iterable[str]:
    try:
        files = {**pair_files(results, sample), "tissue": results.mask(sample).tissue}
    except InputError:
        return ()
    known = {kind: record.inputs.get(f"{sample}/{kind}") for kind in files}
    return [k for k, file in files.items() if known[k] and file_checksum(Path(file)) != known[k]]
