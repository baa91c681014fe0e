"""The checked study: configuration and sample sheet, with every rule that needs both.

The Snakefile calls :func:`plan_study` before it plans any job; nothing here imports torch.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_review import Review, read_reviews, review_path
from virtual_staining.artefacts.registration_table import left_out
from virtual_staining.artefacts.sheet import complete_sheet, files_of, missing_files, read_sheet
from virtual_staining.errors import InputError
from virtual_staining.models.catalogue import all_models
from virtual_staining.readers.annotations import BACKGROUND, EXCLUDE, read_drawn
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.cohort import CohortSettings
from virtual_staining.settings.sheet import DRAWN_COLUMNS
from virtual_staining.settings.study import Study
from virtual_staining.workflow.config_file import check_config_file
from virtual_staining.workflow.sheet_rules import notes, stains_without_folds, unfit, unfit_reviews


@dataclass(frozen=True)
class Plan:
    """What is planned.

    Parameters
    ----------
    study : Study
        The checked configuration.
    samples : DataFrame
        The checked sheet, indexed by sample id.
    unsplit : tuple of str
        Stains with too few sections for folds: their pairs are made, nothing is trained.
    notes : tuple of str
        Sentences for the user about what the study leaves out.
    reviews : mapping
        What a person decided about registrations, by sample.
    review_file : Path
        Where these decisions stand; the file may be missing.
    """

    study: Study
    samples: pd.DataFrame
    unsplit: tuple[str, ...]
    notes: tuple[str, ...]
    reviews: Mapping[str, Review]
    review_file: Path


def plan_study(
    config: Mapping[str, Any],
    list_cohort: Callable[[CohortSettings, int], pd.DataFrame],
    files: Iterable[str | Path] = (),
    given: Mapping[str, Any] | None = None,
    program: Path | None = None,
) -> Plan:
    """Check the configuration and the sample sheet, and everything that needs both.

    Parameters
    ----------
    config : dict
        The merged configuration.
    list_cohort : callable
        Lists the samples of the synthetic cohort from its settings and the seed.
    files : iterable of path
        The files that it was read from.
    given : dict
        The part of it that the user gave beside config.yaml.
    program : Path
        Folder of the Snakefile, into whose own folders no results may be written.

    Raises
    ------
    InputError
        With a sentence for each problem: key or column, value, what would be right.
    """
    for file in files:
        check_config_file(file)
    study = from_dict(Study, dict(config))
    if program is not None:
        check_results(study.results, program)
    _refuse(study.contradictions(all_models()))
    samples = load_samples(study, list_cohort)
    unsplit = stains_without_folds(study, samples, given or {})
    _refuse(unfit(study, samples))
    review_file = review_path(study.samples, study.results)
    sections = set(samples.index[samples["slide"] != ""])
    reviews = read_reviews(review_file, sections)
    _refuse(list(unfit_reviews(study, samples, reviews, str(review_file))))
    left = left_out(Results(study.results).registration_table, sections)
    said = (*notes(study, samples, unsplit), *(f"in the last run, {text}" for text in left))
    return Plan(study, samples, tuple(unsplit), said, reviews, review_file)


def load_samples(
    study: Study, list_cohort: Callable[[CohortSettings, int], pd.DataFrame]
) -> pd.DataFrame:
    """Return the checked sample sheet: the user's, or the synthetic cohort's.

    Raises
    ------
    InputError
        If the sheet is wrong or names files that are not there.
    """
    results = Results(study.results)
    if study.samples is None:
        table = list_cohort(study.cohort, study.seed)
        return complete_sheet(table.astype(str), results.sheet.parent, "synthetic cohort")
    sheet = read_sheet(study.samples)
    # Raw files may have gone to tape once their pairs are made; the small files beside them stay,
    # or Snakemake would no longer make a pair again whose settings change.
    made = [results.normalized(sample).stats.is_file() for sample in sheet.index]
    missing = missing_files(sheet[[not each for each in made]])
    missing += missing_files(sheet[made], (*DRAWN_COLUMNS, "initial_pose"))
    if missing:
        raise InputError(f"{study.samples}: no such file:\n  " + "\n  ".join(missing))
    for path in dict.fromkeys(f for c in DRAWN_COLUMNS for v in sheet[c] for f in files_of(v, c)):
        read_drawn(path, (study.normalize.reference_class, BACKGROUND, EXCLUDE))
    return sheet


# Folders of the program, in which results would lie among its own files.
OWN_FOLDERS = (".ci", ".git", ".snakemake", ".venv", "benchmarks", "docs", "envs", "profiles")
OWN_FOLDERS += ("rules", "tests", "workflow_scripts")


def check_results(results: str, program: Path) -> None:
    """Refuse a folder for results that is no folder or belongs to the program.

    Raises
    ------
    InputError
        Naming what lies there.
    """
    path, program = Path(results).resolve(), program.resolve()
    advice = "name a folder of its own, as in results: results"
    if path == program:
        raise InputError(f"results: {results!r} is the folder of the program itself; {advice}")
    for name in OWN_FOLDERS:
        if path.is_relative_to((program / name).resolve()):
            raise InputError(f"results: {results!r} lies in the program's folder {name}; {advice}")
    for part in (path, *path.parents):
        if part.exists():
            if not part.is_dir():
                raise InputError(f"results: {results!r}: {part} is a file; {advice}")
            return


def _refuse(problems: list[str]) -> None:
    if problems:
        raise InputError("\n  ".join(problems))
