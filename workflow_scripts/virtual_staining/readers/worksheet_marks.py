"""What a worksheet's XML says of its cells beside their values: merged cells and hidden rows."""

import logging
import zipfile
from pathlib import Path
from xml.etree import ElementTree

from virtual_staining.errors import InputError

log = logging.getLogger(__name__)


def check_marks(path: str | Path, title: str, archive: zipfile.ZipFile, part: str) -> None:
    """Refuse merged cells, of which only the first has a value; warn of hidden rows, which count.

    Parameters
    ----------
    path : path
        The workbook, for messages.
    title : str
        The worksheet, for messages.
    archive : ZipFile
        The opened workbook.
    part : str
        Name of the worksheet's XML in the workbook.

    Raises
    ------
    InputError
        Naming the merged cells.
    """
    hidden, merged = [], []
    with archive.open(part.lstrip("/")) as file:
        for _, element in ElementTree.iterparse(file):
            name = element.tag.rpartition("}")[2]
            if name == "row" and element.get("hidden") in ("1", "true") and len(element):
                hidden.append(element.get("r", "?"))
            elif name == "mergeCell":
                merged.append(element.get("ref", "?"))
            if name in ("row", "mergeCell"):
                element.clear()
    if merged:
        raise InputError(
            f"{path}: the cells {merged[0]} of {title} are merged, so that only the first of them "
            "has a value; unmerge them and write the value into each"
        )
    if hidden:
        log.warning("%s: the hidden rows of %s count like the others: %s", path, title,
                    ", ".join(hidden[:10]) + " …" * (len(hidden) > 10))  # fmt: skip
