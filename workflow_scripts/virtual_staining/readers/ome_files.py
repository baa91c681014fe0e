"""OME-TIFF whose metadata lie in another file: one of the series, or a companion of XML alone."""

import contextlib
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import tifffile

from virtual_staining.errors import InputError
from virtual_staining.readers.files import check_file, read_text
from virtual_staining.readers.source import READ_ERRORS
from virtual_staining.readers.tiff_metadata import opened_tiff

log = logging.getLogger(__name__)

COMPANION_SUFFIX = ".companion.ome"
MOST_PLANES = 10**6  # of all images; tifffile makes a list of as many


@contextlib.contextmanager
def opened_ome_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF for the time of a block, with the OME metadata of its whole series.

    Parameters
    ----------
    path : Path
        Any file of an OME-TIFF, its companion, or a TIFF of another kind.

    Raises
    ------
    InputError
        If the file is no TIFF, is damaged, or refers to metadata that are not there.
    """
    if path.name.lower().endswith(COMPANION_SUFFIX):
        with _with_companion(path, path) as tif:
            yield tif
        return
    with opened_tiff(path) as tif:
        metadata = _metadata_file(path, tif)
        if metadata is None:
            if tif.is_ome:
                _check_ome(path, ElementTree.fromstring(tif.ome_metadata))
            yield tif
    if metadata is not None:
        is_tiff = not metadata.name.lower().endswith((".ome", ".xml"))
        with opened_tiff(metadata) if is_tiff else _with_companion(metadata, path) as tif:
            yield tif


def describes_series(path: Path, names: set[str]) -> bool:
    """Say whether a file's OME metadata describe the planes in these files.

    Parameters
    ----------
    path : Path
        A TIFF file.
    names : set of str
        Names of the TIFF files in its folder, its own among them.

    Raises
    ------
    InputError
        If the metadata name a part of the files and others that are not there, so that a file of
        the series is missing.
    """
    with opened_tiff(path) as tif:
        if not tif.is_ome:
            return False
        named = _named_files(ElementTree.fromstring(tif.ome_metadata))
    missing = sorted(named - names)
    if missing and len(named & names) > 1:
        raise InputError(
            f"{path.parent}: its OME metadata name {len(named)} files, of which {len(missing)} are "
            f"missing, {', '.join(missing[:3])}{' …' * (len(missing) > 3)}; copy the series again"
        )
    return len(names) > 1 and named == names


def _check_ome(path: Path, root: ElementTree.Element) -> None:
    """Refuse OME-XML of more planes than anybody has, and of planes in pipes and devices."""
    for pixels in root.iterfind(".//{*}Pixels"):
        sizes = [pixels.get(f"Size{axis}", "1") for axis in "ZCT"]
        planes = math.prod(int(size) for size in sizes if size.isdigit() and len(size) < 19)
        if planes > MOST_PLANES or max(map(len, sizes)) > 18:
            raise InputError(
                f"{path}: its metadata say {' x '.join(s[:20] for s in sizes)} planes (z, "
                "channels, times); is it damaged?"
            )
    for uuid in root.iterfind(".//{*}TiffData/{*}UUID"):
        named = path.parent / uuid.get("FileName", "")
        if named.exists() and named != path.parent:
            check_file(named)


def _named_files(root: ElementTree.Element) -> set[str]:
    """Return the names of the files in which OME-XML places its planes."""
    named = root.iterfind(".//{*}TiffData/{*}UUID")
    return {Path(uuid.get("FileName", "")).name for uuid in named} - {""}


def _metadata_file(path: Path, tif: tifffile.TiffFile) -> Path | None:
    """Return the file with the metadata of a TIFF that has none of its own (BinaryOnly)."""
    if not tif.is_ome or "BinaryOnly" not in tif.ome_metadata:
        return None
    binary = ElementTree.fromstring(tif.ome_metadata).find(".//{*}BinaryOnly")
    if binary is None:
        return None
    found = path.parent / Path(binary.get("MetadataFile", "")).name
    if not found.is_file():
        raise InputError(
            f"{path}: its metadata lie in {found.name}, which is not beside it; copy that file too"
        )
    return found


@contextlib.contextmanager
def _with_companion(companion: Path, path: Path) -> Iterator[tifffile.TiffFile]:
    """Open the first file that a companion of OME-XML names."""
    try:
        text = read_text(companion)
        root = ElementTree.fromstring(text)
        names = [uuid.get("FileName") for uuid in root.iter()
                 if uuid.tag.endswith("UUID") and uuid.get("FileName")]  # fmt: skip
    except (OSError, UnicodeDecodeError, ElementTree.ParseError) as error:
        raise InputError(f"{companion}: cannot be read as OME-XML ({error})") from error
    first = next((companion.parent / Path(name).name for name in names), None)
    if first is None or not first.is_file():
        named = "no file" if first is None else f"{first.name}, which is not beside it"
        raise InputError(f"{companion}: names {named}; copy the files of the series too")
    _check_ome(companion, root)
    try:
        with tifffile.TiffFile(first, omexml=text) as tif:
            yield tif
    except READ_ERRORS as error:
        raise InputError(f"{path}: cannot be read as TIFF ({error}); is it damaged?") from error
