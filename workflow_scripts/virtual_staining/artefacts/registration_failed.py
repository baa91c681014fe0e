"""A section whose registration failed, where the study goes on without it (register.failed: drop).

Every output of the section's jobs must exist. ``transform.json`` and ``stats.json`` say in the key
``failed`` why the section is left out; all other outputs are empty files, which no reader takes for
an image.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from virtual_staining.artefacts.folders import RegisteredFolder
from virtual_staining.artefacts.storage.atomic import read_json, replacing
from virtual_staining.artefacts.storage.document import write_document

log = logging.getLogger(__name__)

FORMAT = 1
FAILED = "failed"


def write_failed(folder: Path, sample: str, volume: str, sentence: str) -> None:
    """Write the outputs of a registration that failed.

    Parameters
    ----------
    folder : Path
        Folder of the sample, ``02_register/{sample}``.
    sample, volume : str
        Ids.
    sentence : str
        Why the registration failed, and what helps.
    """
    files = RegisteredFolder(folder)
    _write_empty((files.ct, files.slide, files.valid, files.tfm, files.qc))
    values = {"sample": sample, "volume": volume, FAILED: sentence}
    write_document(files.transform, FORMAT, values)


def failure_of(path: str | Path) -> str:
    """Return why a section is left out, from its ``transform.json`` or ``stats.json``.

    Returns
    -------
    str
        The sentence; empty for a section that was registered.

    Raises
    ------
    InputError
        If the file is missing or not JSON.
    """
    values = read_json(path)
    return str(values.get(FAILED, "")) if isinstance(values, dict) else ""


def pass_on_failure(transform: str | Path, images: Iterable[Path], stats: Path | None) -> bool:
    """Write the outputs of a later job of a section that is left out.

    Parameters
    ----------
    transform : path
        The section's ``transform.json``.
    images : iterable of Path
        Outputs of the job, which become empty files.
    stats : Path or None
        The job's ``stats.json``, which repeats the reason, if the job writes one.

    Returns
    -------
    bool
        False, and nothing is written, if the section was registered.
    """
    sentence = failure_of(transform)
    if not sentence:
        return False
    _write_empty(images)
    if stats is not None:
        write_document(stats, FORMAT, {FAILED: sentence})
    log.warning("left out, because the registration failed: %s", sentence)
    return True


def _write_empty(paths: Iterable[Path]) -> None:
    for path in paths:
        with replacing(path) as temporary:
            temporary.touch()
