"""What `levels` found in a scan: levels.json, by which all sections of the scan are normalized.

The file's content decides whether pairs are normalized anew, so the file does not name the version
of the program that wrote it.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.storage.document import read_document, write_document
from virtual_staining.errors import InputError

FORMAT = 1
REMEDY = "measure the levels of this scan again"


@dataclass(frozen=True)
class ScanLevels:
    """Mean grey levels of a scan.

    Parameters
    ----------
    background, reference : float
        Of the background and of the reference tissue.
    implant : float or None
        Of the implant, where one was found.
    reference_class : str
        What the reference tissue is.
    background_source, reference_source : str
        ``annotations`` for a level from drawn polygons, ``automatic`` for one that was found.
    warnings : list of str
        One sentence for each doubt.
    """

    background: float
    reference: float
    implant: float | None
    reference_class: str
    background_source: str
    reference_source: str
    warnings: list[str]


def write_scan_levels(path: str | Path, levels: ScanLevels) -> None:
    """Write ``levels.json``, atomically."""
    write_document(path, FORMAT, asdict(levels))


def read_scan_levels(path: str | Path) -> ScanLevels:
    """Read ``levels.json``.

    Raises
    ------
    InputError
        If the file is missing or damaged, or the levels are not two different finite numbers.
    """
    document = read_document(path, FORMAT, REMEDY)
    try:
        levels = ScanLevels(**{key: document.values[key] for key in ScanLevels.__annotations__})
        usable = np.isfinite([levels.background, levels.reference]).all()
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: no levels stored ({error!r}); {REMEDY}") from error
    if not (usable and levels.reference > levels.background):
        raise InputError(
            f"{path}: {levels.reference_class} at {levels.reference} must lie above the background "
            f"at {levels.background}; {REMEDY}"
        )
    return levels
