"""Which files of a folder are the slices of one volume, and in which order: told by their names.

The names of a series share one pattern, in upper or lower case, with one number that rises by one
step. Other numbers in the names, such as dates, may be there. What does not fit is refused with its
name, since a copy or a second series would change the volume without a word.
"""

import filecmp
import logging
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from virtual_staining.errors import InputError
from virtual_staining.readers.name_patterns import (
    DECIMAL,
    SIGNED,
    WHOLE,
    Named,
    by_pattern,
    gap,
    usual_step,
)

log = logging.getLogger(__name__)

# Projections along z as Fiji names them, and the preview that Bruker's reconstruction leaves.
NO_SLICE = re.compile(r"(max|min|avg|sum|std|med)_.*|.*_spr", re.DOTALL)
COPIES = 10  # as many odd files are compared with the slices byte by byte
REMEDY = "move what is no slice of this volume out of the folder"


def in_order(folder: Path, files: Sequence[Path]) -> list[Path]:
    """Return the slices among the files of a folder in the order of the number in their names.

    Parameters
    ----------
    folder : Path
        The folder, for messages.
    files : sequence of Path
        At least one file; all are of one format.

    Returns
    -------
    list of Path
        Without projections and exact copies, which a warning names.

    Raises
    ------
    InputError
        If the names are not those of one series, or a number is missing from it.
    """
    files = _without_companions(folder, sorted(files))
    found = {tuple(order) for way in (WHOLE, DECIMAL) if (order := _series(files, way))}
    if len(found) > 1:
        first, second = (next(iter(order)).name for order in sorted(found)[:2])
        raise InputError(
            f"{folder}: the numbers in the names of its slices can be read as whole numbers or "
            f"with decimals, and either {first} or {second} comes first; rename the slices to "
            "name_0001, name_0002, …"
        )
    order = list(found.pop()) if found else _series(files, SIGNED)
    if not order:
        raise InputError(f"{folder}: {_problem(files)}")
    _announce_step(folder, order)
    return order


def _announce_step(folder: Path, order: list[Path]) -> None:
    """Warn of whole numbers that rise by more than one: slices may have been left out."""
    groups = by_pattern(order, WHOLE)
    if len(order) < 2 or len(groups) > 1:
        return
    columns = zip(*(named.numbers for named in next(iter(groups.values()))), strict=True)
    steps = [usual_step(sorted(column)) for column in columns if len({*column}) == len(order)]
    if steps and min(steps) > 1:
        log.warning("%s: the numbers of its slices rise by %s; voxel_size_um along z must be the "
                    "distance of the slices that are there", folder, min(steps))  # fmt: skip


def is_series(files: Sequence[Path]) -> bool:
    """Say whether the names of two and more files are those of one series without a gap."""
    return len(files) > 1 and any(_series(files, way) for way in (WHOLE, DECIMAL, SIGNED))


def continues(files: Sequence[Path], others: Sequence[Path]) -> list[Path]:
    """Return the files of another format whose names go on where a series of slices ends."""
    mine, theirs = by_pattern(files, WHOLE), by_pattern(others, WHOLE)
    known = {pattern: {slice_.numbers for slice_ in group} for pattern, group in mine.items()}
    return [
        named.path
        for pattern in mine.keys() & theirs.keys()
        for named in theirs[pattern]
        if named.numbers not in known[pattern]
    ]


def _without_companions(folder: Path, files: list[Path]) -> list[Path]:
    """Leave out projections and exact copies that lie beside the slices, with a warning."""
    (_, slices), *others = by_pattern(files, WHOLE).items()
    odd = [named.path for _, group in others for named in group]
    if not odd or len(slices) < 2:
        return files
    few = len(odd) <= COPIES
    left = [
        path
        for path in odd
        if NO_SLICE.fullmatch(path.stem.casefold()) or (few and _is_copy(path, slices))
    ]
    if left:
        names = ", ".join(path.name for path in left)
        log.warning("%s: projections and copies beside the slices are left out: %s", folder, names)
    return [path for path in files if path not in left]


def _is_copy(path: Path, slices: list[Named]) -> bool:
    """Say whether a file holds what the slice holds whose name stands in the file's."""
    name = path.stem.casefold()
    originals = [slice_.path for slice_ in slices if slice_.path.stem.casefold() in name]
    return any(filecmp.cmp(path, original, shallow=False) for original in originals)


def _series(files: Sequence[Path], way: str) -> list[Path]:
    """Return the files in order if one number tells it; nothing where the names are no series."""
    groups = by_pattern(files, way)
    if len(files) == 1:
        return list(files)
    if len(groups) > 1:
        return []
    slices = next(iter(groups.values()))
    orders = []
    for column in range(len(slices[0].numbers)):
        ordered = sorted(slices, key=lambda named: named.numbers[column])
        if not gap([named.numbers[column] for named in ordered]):
            orders.append([named.path for named in ordered])
    return orders[0] if orders and all(order == orders[0] for order in orders) else []


def _problem(files: list[Path]) -> str:
    """Say in words why the names of two and more files are no series."""
    ways = {way: by_pattern(files, way) for way in (WHOLE, DECIMAL)}
    groups = min(ways.values(), key=len)
    if len(groups) > 1:
        (_, slices), *others = groups.items()
        if len(slices) == 1:
            return (
                f"the names of its {len(files)} slices ({_some([[f] for f in files])}) do not "
                "differ in one number alone; name them name_0001, name_0002, … in their order"
            )
        odd = [[named.path for named in group] for _, group in others]
        return f"beside {_as(slices)} it holds {_some(odd)}; {REMEDY}"
    slices = next(iter(groups.values()))
    columns = range(len(slices[0].numbers))
    column = max(columns, key=lambda k: len({s.numbers[k] for s in slices}), default=None)
    if column is None:
        return f"{_some([[f] for f in files])} have the same name but for its end; {REMEDY}"
    parts: dict[tuple[Decimal, ...], list[Named]] = {}
    for named in slices:
        rest = named.numbers[:column] + named.numbers[column + 1 :]
        parts.setdefault(rest, []).append(named)
    counted = len({s.numbers[column] for s in slices}) == len(slices)
    if len(parts) > 1 and not counted:
        series = " and ".join(_as(part) for part in list(parts.values())[:4])
        return f"holds several series of slices, {series}; {REMEDY}, or name the folder of one"
    return _missing(sorted(slices, key=lambda s: s.numbers[column]), column)


def _missing(slices: list[Named], column: int) -> str:
    """Say which number is missing from the rising ones of a series, or stands twice."""
    numbers = [named.numbers[column] for named in slices]
    at = gap(numbers)
    if at is None:
        return f"the numbers in the names of its slices give different orders; {REMEDY}"
    before, after = slices[at - 1].path.name, slices[at].path.name
    step = numbers[at] - numbers[at - 1]
    usual = usual_step(numbers)
    if step == 0 or usual == 0:
        return f"{before} and {after} have the same number; {REMEDY}"
    lost = round(step / usual) - 1
    if lost < 1 or abs(step / usual - lost - 1) > 0.1:
        return f"the numbers of its slices rise by {usual}, but by {step} to {after}; {REMEDY}"
    which = f"slice {numbers[at - 1] + usual} is" if lost == 1 else f"{lost} slices are"
    return f"{which} missing between {before} and {after}; restore what is missing or renumber"


def _as(slices: list[Named]) -> str:
    return f"{len(slices)} slices as {slices[0].path.name}"


def _some(groups: list[list[Path]]) -> str:
    """Name the files of small groups, and one of each large group."""
    named = [
        f"{len(group)} files as {group[0].name}"
        if len(group) > 3
        else ", ".join(f.name for f in group)
        for group in groups
    ]
    return ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")
