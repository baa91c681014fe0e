"""The rules between configuration and sample sheet, known before any job runs."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from virtual_staining.artefacts.folds import check_folds
from virtual_staining.artefacts.registration_review import Review
from virtual_staining.errors import InputError
from virtual_staining.settings.study import Study
from virtual_staining.settings.words import nearest


def unfit(study: Study, samples: pd.DataFrame) -> list[str]:
    """Return a sentence for each value of configuration or sheet that the other does not fit."""
    sections = samples[samples["slide"] != ""]
    return [
        *_of_crossval(study, sections),
        *_of_stains(study, samples),
        *_of_poses(study, sections),
        *_of_figures(study, sections),
        *_of_volumes(study, samples),
    ]


def _of_stains(study: Study, samples: pd.DataFrame) -> Iterator[str]:
    """Yield stains that have models of their own and no sample."""
    stains = sorted(set(samples["stain"]))
    for stain in study.stain_models:
        if stain not in stains:
            yield f"stain_models: no sample has the stain {stain!r}; {nearest(stain, stains)}"


def rows_digest(table: pd.DataFrame, columns: Sequence[str]) -> str:
    """Return a digest of some columns of a sheet, whatever the order of its rows.

    Parameters
    ----------
    table : DataFrame
        Rows of the sheet, all text.
    columns : sequence of str
        Names of the columns that count.
    """
    lines = sorted("\t".join(row) for row in table[list(columns)].itertuples(index=False))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def stains_without_folds(
    study: Study, samples: pd.DataFrame, given: Mapping[str, Any]
) -> list[str]:
    """Return the stains whose sections are too few for folds, while split.folds is the default.

    Such a stain's sections are registered, normalized and masked; a sheet of one or two sections is
    a start that nobody should have to change split.folds for.

    Raises
    ------
    InputError
        If split.folds was chosen, so that the choice is a mistake.
    """
    default = type(study.split).model_fields["folds"].default
    chosen = "folds" in dict(given.get("split") or {}) or study.split.folds != default
    unsplit = []
    for stain, rows in _crossval(samples[samples["slide"] != ""]).groupby("stain"):
        try:
            check_folds(rows, study.split.folds)
        except InputError as error:
            if chosen:
                raise InputError(f"stain {stain}: {error}") from error
            unsplit.append(str(stain))
    return unsplit


def unfit_reviews(
    study: Study, samples: pd.DataFrame, reviews: Mapping[str, Review], name: str
) -> Iterator[str]:
    """Yield the decisions of ``review.tsv`` (``name``) that a section's registration cannot obey.

    A pose or landmarks say which face of a section is up.
    """
    for sample, review in reviews.items():
        mode = samples["register_mode"][sample] or study.register.mode
        if review.view_direction and samples["ct_image"][sample]:
            yield (
                f"{name}: line {review.line} (sample {sample!r}): view_direction must be empty, as "
                "the pair was aligned before: turn over the images"
            )
            continue
        if review.view_direction and mode != "auto":
            yield (
                f"{name}: line {review.line} (sample {sample!r}): view_direction must be empty, as "
                f"the section is registered with mode {mode}: turn over its pose or landmarks "
                f"({samples['initial_pose'][sample]}), or set its register_mode to auto"
            )


def notes(study: Study, samples: pd.DataFrame, unsplit: list[str]) -> Iterator[str]:
    """Yield sentences about what the study leaves out without being wrong."""
    sections = samples[samples["slide"] != ""]
    for stain in unsplit:
        yield (
            f"stain {stain}: too few groups of crossval samples for {study.split.folds} folds, so"
            " its "
            "pairs are made and nothing is trained; add samples or lower split.folds"
        )
    tested = set(sections["stain"][sections["role"] == "test"])
    for stain in sorted(set(sections["stain"]) - tested - set(unsplit)):
        yield (
            f"stain {stain}: the sheet has no sample of role test, so tables and figures show "
            "training and validation alone"
        )
        if study.stain.volumes == "test" and not _bare(samples, stain) and _volumes(samples, stain):
            yield f"stain {stain}: stain.volumes is test, so no volume is stained; set it to all"
    for stain in sorted(set(sections["stain"])):
        if not _volumes(samples, stain):
            yield (
                f"stain {stain}: all its pairs were aligned before (ct_image) and no row names a "
                "volume, so nothing is stained in 3D"
            )
    for stain in sorted(set(samples["stain"]) - set(sections["stain"])):
        names = ", ".join(samples["sample"][samples["stain"] == stain])
        what = f"stain {stain} has no section to learn from" if stain else "no stain is given"
        yield f"volumes of {names}: {what}, so they are not stained"


def _bare(samples: pd.DataFrame, stain: str) -> bool:
    """Tell whether a stain has volumes without a section."""
    return bool(((samples["stain"] == stain) & (samples["slide"] == "")).any())


def _volumes(samples: pd.DataFrame, stain: str) -> bool:
    """Tell whether a stain has a volume."""
    return bool(((samples["stain"] == stain) & (samples["volume"] != "")).any())


def _crossval(sections: pd.DataFrame) -> pd.DataFrame:
    return sections[sections["role"] == "crossval"]


def _of_crossval(study: Study, sections: pd.DataFrame) -> Iterator[str]:
    """Yield stains that have nothing to train on, and batches larger than an epoch."""
    counts = _crossval(sections)["stain"].value_counts()
    for stain in sorted(set(sections["stain"]) - set(counts.index)):
        yield (
            f"stain {stain}: no section has the role crossval, so there is nothing to train on;"
            " set "
            "the role of some in the sheet"
        )
    for stain, count in counts.items():
        per_pair = [study.training(model).patches_per_pair for model in study.models]
        patches = min(per_pair) * max(count - 1, 1)
        if study.train.batch > patches:
            yield (
                f"train.batch: {study.train.batch} must be at most the {patches} patches of an"
                " epoch "
                f"(patches_per_pair times the training samples of stain {stain})"
            )


def _of_poses(study: Study, sections: pd.DataFrame) -> Iterator[str]:
    """Yield sections whose way of registration needs a pose that the sheet does not give."""
    sections = sections[sections["ct_image"] == ""]
    modes = sections["register_mode"].replace("", study.register.mode)
    for sample in sections["sample"][(modes != "auto") & (sections["initial_pose"] == "")]:
        yield (
            f"sample {sample}: initial_pose must name a pose or landmarks file, as the section is "
            f"registered with mode {modes[sample]}; or set its register_mode to auto"
        )


def _of_figures(study: Study, sections: pd.DataFrame) -> Iterator[str]:
    """Yield samples that the figures are to show and cannot."""
    roles = {"train_sample": "crossval", "validation_sample": "crossval", "test_sample": "test"}
    stains = sorted(set(sections["stain"]))
    for key, role in roles.items():
        name = getattr(study.figures, key)
        if name is None:
            continue
        known = list(sections["sample"][sections["role"] == role])
        if name not in known:
            yield (
                f"figures.{key}: {name!r} must be a section of the sheet with the role {role}; "
                f"{nearest(name, known)}"
            )
        elif len(stains) > 1:
            yield (
                f"figures.{key}: {name!r} must be null, as the study has the stains "
                f"{', '.join(stains)} and figures of each"
            )
    shown = study.figures.train_sample
    if shown is not None and shown == study.figures.validation_sample:
        yield (
            f"figures.validation_sample: {shown!r} must not be the train_sample: no sample is"
            " trained "
            "on and validated in one fold"
        )


def _of_volumes(study: Study, samples: pd.DataFrame) -> Iterator[str]:
    """Yield volumes that are to be stained and that the sheet has not, or not with a stain."""
    if isinstance(study.stain.volumes, str):
        return
    samples = samples[samples["volume"] != ""]
    known = sorted(set(samples["volume_id"]))
    stained = set(samples["volume_id"][samples["stain"] != ""])
    for volume in study.stain.volumes:
        if volume not in known:
            yield f"stain.volumes: no volume {volume!r} in the sheet; {nearest(volume, known)}"
        elif volume not in stained:
            yield f"stain.volumes: {volume!r} must have a stain in the sheet"
