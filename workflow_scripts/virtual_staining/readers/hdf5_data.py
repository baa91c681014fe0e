"""Datasets of HDF5 files: where they are, what files they need, and whether they can be decoded."""

import contextlib
import importlib
import logging
from collections.abc import Iterator
from pathlib import Path

import h5py

from virtual_staining.errors import InputError
from virtual_staining.readers.files import check_file, check_outside

log = logging.getLogger(__name__)

DEEPEST_PATH = 100
DEEPEST, MOST = 12, 1000  # groups in groups, and entries that are looked at
FILTERS = {
    307: "bzip2", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd",
    32017: "sz", 32019: "fcidecomp", 32022: "jpeg", 32023: "sperr", 32024: "sz3", 32026: "blosc2",
    32028: "htj2k",
}  # fmt: skip


def open_hdf5_file(path: Path) -> h5py.File:
    """Open an HDF5 file for reading.

    Raises
    ------
    InputError
        If it is damaged or none, or is being written.
    """
    try:
        return h5py.File(path)
    except BlockingIOError as error:
        raise InputError(
            f"{path}: another program has it open for writing; close it there, or wait until it is "
            "finished"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read as HDF5 ({error}); is it damaged?") from error


def find_dataset(path: Path, file: h5py.File, name: str) -> h5py.Dataset | None:
    """Return a dataset by its path in the file, through links; None where there is none.

    Raises
    ------
    InputError
        If a link on the way leads to nothing, or a file that holds the values is missing; names
        that file.
    """
    found: h5py.Group | h5py.Dataset = file
    parts = [part for part in name.split("/") if part]
    if len(parts) > DEEPEST_PATH:
        raise InputError(f"{path}: the dataset's path has more than {DEEPEST_PATH} parts")
    for part in parts:
        if not isinstance(found, h5py.Group):
            return None
        link = None
        try:
            link = found.get(part, getlink=True)
            check_link(path, found, link)
            found = found[part]
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            if isinstance(link, h5py.ExternalLink):
                raise InputError(
                    f"{path}: {name} is a link to {link.path} in {link.filename}, which cannot be "
                    "opened; copy that file beside it"
                ) from error
            if isinstance(link, h5py.SoftLink):
                raise InputError(
                    f"{path}: {name} is a link to {link.path}, which is not there; is the file "
                    "complete?"
                ) from error
            return None
        if isinstance(link, h5py.ExternalLink):
            log.warning("%s: %s is a link to %s, which is read", path, name, found.file.filename)
    if not isinstance(found, h5py.Dataset):
        return None
    _check_sources(path, name, found, set())
    _check_filters(path, name, found)
    return found


def check_link(path: Path, group: h5py.Group, link: object) -> None:
    """Refuse a link to another file that is a pipe or a device, in which HDF5 would wait for ever.

    Raises
    ------
    InputError
        Naming what the link leads to. That a file is missing is said when it is opened.
    """
    if isinstance(link, h5py.ExternalLink):
        target = Path(group.file.filename).parent / link.filename
        if target.exists():
            check_file(target)


def all_datasets(
    group: h5py.Group, depth: int = 0, seen: set | None = None
) -> Iterator[tuple[str, h5py.Dataset]]:
    """Yield the datasets of a file with their paths, through links that lead somewhere.

    Every group is entered once, so that groups which hold themselves come to an end.
    """
    seen = set() if seen is None else seen
    names: list[str] = []
    with contextlib.suppress(RuntimeError, ValueError):
        names = list(group)[:MOST]
    for name in names:
        with contextlib.suppress(KeyError, OSError, RuntimeError, ValueError, InputError):
            check_link(Path(group.file.filename), group, group.get(name, getlink=True))
            item = group[name]
            about = h5py.h5o.get_info(item.id)
            if isinstance(item, h5py.Dataset):
                yield f"/{name}", item
            elif depth < DEEPEST and (about.fileno, about.addr) not in seen:
                seen.add((about.fileno, about.addr))
                for inner, data in all_datasets(item, depth + 1, seen):
                    yield f"/{name}{inner}", data


def _check_sources(path: Path, name: str, data: h5py.Dataset, seen: set) -> None:
    """Refuse a dataset whose values lie in files that are missing; HDF5 would return zeros.

    The sources of a virtual dataset may be virtual themselves; each is looked at once.
    """
    first = not seen
    seen.add((data.file.filename, data.name))
    folder = Path(data.file.filename).parent
    sources = data.virtual_sources() if data.is_virtual else []
    named = [source.file_name for source in sources] + [part[0] for part in data.external or ()]
    files = sorted({str(file) for file in named} - {"."})
    for file in files:
        if "%" not in file and not (folder / file).is_file():
            raise InputError(
                f"{path}: the values of {name} lie in {file}, which is missing; copy it beside it"
            )
    for file in files:
        if "%" not in file:
            check_file(folder / file)
    for source in {(s.file_name, s.dset_name): s for s in sources}.values():
        _check_source(path, name, data, source, seen)
    mapped = sum(source.vspace.get_select_npoints() for source in sources)
    if sources and mapped < data.size:
        log.warning("%s: %.3g %% of the values of %s lie in no file; they count as %s", path,
                    100 * (1 - mapped / data.size), name, data.fillvalue)  # fmt: skip
    if files and first:
        log.warning("%s: the values of %s lie in %s, which are read", path, name, ", ".join(files))
    elif files:
        check_outside(path, [folder / file for file in files])


def _check_source(path: Path, name: str, data: h5py.Dataset, source, seen: set) -> None:
    """Refuse a virtual dataset one of whose source datasets is missing."""
    if "%" in source.file_name or "%" in source.dset_name:
        return
    where = Path(data.file.filename)
    file = where if source.file_name == "." else where.parent / source.file_name
    if (str(file), f"/{source.dset_name.lstrip('/')}") in seen:
        raise InputError(
            f"{path}: the values of {name} lie in that dataset itself; export it again"
        )
    try:
        with h5py.File(file) as opened:
            link = opened.get(source.dset_name, getlink=True)
            check_link(path, opened, link)
            found = opened.get(source.dset_name)
            if isinstance(link, h5py.ExternalLink) and found is not None:
                check_outside(path, [Path(found.file.filename)])
            if isinstance(found, h5py.Dataset):
                _check_sources(path, name, found, seen)
                return
    except (OSError, RuntimeError, KeyError) as error:
        raise InputError(f"{path}: the values of {name} lie in {file.name}: {error}") from error
    raise InputError(
        f"{path}: the values of {name} lie in {source.dset_name} of {file.name}, which is "
        "missing there; is that file complete?"
    )


def _check_filters(path: Path, name: str, data: h5py.Dataset) -> None:
    """Refuse a compression that is not installed; hdf5plugin brings most of them."""
    created = data.id.get_create_plist()
    for number in range(created.get_nfilters()):
        code = created.get_filter(number)[0]
        if h5py.h5z.filter_avail(code):
            continue
        with contextlib.suppress(ImportError):
            importlib.import_module("hdf5plugin")
        if not h5py.h5z.filter_avail(code):
            raise InputError(
                f"{path}: {name} is compressed with {FILTERS.get(code, 'a filter')} (HDF5 filter "
                f"{code}), which is not installed; run `pip install hdf5plugin`, or write the file "
                "with gzip"
            )
