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
