"""The settings files that the jobs of a run read: one a block, one a model's training, one of all.

They are written when a run starts and are no inputs of the rules. As inputs they would have to be
``ancient``, and Snakemake skips its other checks of a job whose ancient input is about to be made:
a changed value would go unnoticed. What makes a job run again are the values in the ``params`` of
its rule (:meth:`Settings.reaching`).
"""

import json
from pathlib import Path

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.settings.study import Study

LONGEST = 4  # changed settings that a sentence names


def settings_texts(study: Study) -> dict[Path, str]:
    """Return the content of each settings file by its path."""
    results = Results(study.results)
    blocks = [name for name in study.blocks() if name != "train"]
    contents = {results.job_settings / f"{name}.json": getattr(study, name) for name in blocks}
    contents |= {results.train_settings(model): study.training(model) for model in study.models}
    contents[results.study_settings] = study
    return {
        path: json.dumps(settings.model_dump(), indent=2) + "\n"
        for path, settings in contents.items()
    }


def write_job_settings(study: Study) -> None:
    """Write the settings files of a study into its results, those that changed."""
    for path, text in settings_texts(study).items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8")


def changed_settings(study: Study) -> str:
    """Say which settings differ from those of the last run in a results folder.

    Snakemake knows the values with which it made a file by the file's path. In a folder that was
    copied or renamed it knows none, and would take results of other settings for up to date.

    Returns
    -------
    str
        A sentence; empty if nothing differs or no run is known.
    """
    results = Results(study.results)
    try:
        before = _flat(json.loads(results.study_settings.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return ""
    now = _flat(json.loads(json.dumps(study.model_dump())))
    changes = [
        f"{key} was {before[key]} and is {now[key]}"
        for key in sorted(before.keys() & now.keys())
        if before[key] != now[key] and key != "results"
    ]
    if not changes:
        return ""
    more = len(changes) - LONGEST
    named = "; ".join(changes[:LONGEST]) + (f"; and {more} more" if more > 0 else "")
    return (
        f"{results}: other settings than in the last run: {named}. What hangs on them is made "
        "again where the results were made in this folder and by this clone. Results that were "
        "copied or renamed count as up to date: there name the first rule that a change belongs "
        "to, as in --forcerun train_model"
    )


def _flat(block: dict, prefix: str = "") -> dict[str, str]:
    """Return the JSON text of each value of nested blocks by its dotted name."""
    flat = {}
    for name, value in block.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = json.dumps(value)
    return flat
