"""Names that differ in their numbers alone, and whether these numbers rise by one step."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

# How a number may be written in a name; the first ways under which the names make sense count.
WHOLE = r"[0-9]+"
DECIMAL = r"[0-9]+(?:[.,][0-9]+)?"
SIGNED = r"-?[0-9]+(?:[.,][0-9]+)?"


@dataclass(frozen=True)
class Named:
    """A file with the numbers in its name."""

    path: Path
    numbers: tuple[Decimal, ...]


def by_pattern(files: Sequence[Path], way: str) -> dict[str, list[Named]]:
    """Group files by their names without the numbers, the largest group first."""
    groups: dict[str, list[Named]] = {}
    for path in files:
        name = path.stem.casefold()
        numbers = tuple(Decimal(text.replace(",", ".")) for text in re.findall(way, name))
        groups.setdefault(re.sub(way, "\0", name), []).append(Named(path, numbers))
    return dict(sorted(groups.items(), key=lambda group: -len(group[1])))


def gap(numbers: list[Decimal]) -> int | None:
    """Return before which of the rising numbers the step is another, None if all are the same.

    Positions may be rounded to their last digit. The usual step is the most frequent one.
    """
    steps = [after - before for before, after in pairwise(numbers)]
    usual = usual_step(numbers)
    digit = min(Decimal(1).scaleb(int(number.as_tuple().exponent)) for number in numbers)
    allowed = min(digit if digit < 1 else Decimal(0), usual / 4)
    for at, step in enumerate(steps, start=1):
        if step <= 0 or abs(step - usual) > allowed:
            return at
    return None


def usual_step(numbers: list[Decimal]) -> Decimal:
    """Return the most frequent difference of neighbouring numbers, the smallest of several."""
    counts = Counter(after - before for before, after in pairwise(numbers))
    return min(counts, key=lambda step: (-counts[step], step))
