"""Where the example's public files come from; checksums and addresses stand in registry.txt."""

from pathlib import Path

import pooch

from virtual_staining.errors import InputError

VOLUME = "volume_ccf_100um.tiff"
PLANES = "planes.json"
REGISTRY = Path(__file__).with_name("registry.txt")


def _store(folder: Path) -> pooch.Pooch:
    store = pooch.create(path=folder, base_url="", retry_if_failed=2)
    store.load_registry(REGISTRY)
    return store


def download(folder: Path) -> None:
    """Download what is not yet in a folder, checking every file against its SHA-256.

    Parameters
    ----------
    folder : path
        Gets ``volume_ccf_100um.tiff``, ``planes.json`` and ``sections/*.png`` (16 MB).

    Raises
    ------
    InputError
        If a file cannot be had or is not the one expected.
    """
    folder.mkdir(parents=True, exist_ok=True)  # what is wrong with the folder is no failed download
    store = _store(folder)
    for name in store.registry:
        try:
            store.fetch(name)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{store.get_url(name)}: cannot be downloaded ({error}); give a folder that "
                f"already holds {VOLUME}, {PLANES} and sections/: make example DATA=folder"
            ) from error


def find_sections(folder: Path) -> list[str]:
    """Return the file names of a folder's section pictures, in the order of their numbers.

    Raises
    ------
    InputError
        If the folder lacks the volume, the planes or all the sections.
    """
    for name in (VOLUME, PLANES):
        if not (folder / name).is_file():
            raise InputError(f"{folder / name}: no such file; the example needs it")
    known = [Path(name).name for name in _store(folder).registry if name.startswith("sections/")]
    names = [name for name in known if (folder / "sections" / name).is_file()]
    if not names:
        raise InputError(f"{folder / 'sections'}: holds none of the example's section pictures")
    return sorted(names, key=lambda name: name[-8:])
