"""What a run says of the version that made its results folder, before the first job."""

from virtual_staining import __version__
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.document import read_document, write_document
from virtual_staining.errors import InputError

FORMAT = 1


def note_version(results: Results) -> str:
    """Record the program's version in a results folder.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
        A sentence if results of another version stand there, else empty. An older version recorded
        nothing.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    before = ""
    try:
        before = read_document(results.program, FORMAT, "delete it").value("version", str, "a text")
    except InputError:
        if any(results.root.glob("[0-9][0-9]_*")):
            before = "not recorded"
    if before == __version__:
        return ""
    write_document(results.program, FORMAT, {"version": __version__})
    if not before:
        return ""
    return (
        f"{results} holds results of another version of the program ({before}; this is "
        f"{__version__}): a new version by itself makes nothing again, so results of both will "
        "stand side by side. CHANGELOG.md says what differs; for results of one version name a "
        "new folder in `results:`"
    )
