"""docs/inputs-messages.md lists the damage that the tests try, with its messages."""

import re

import pytest
import raw_slides
import raw_volumes


@pytest.fixture(scope="module")
def rows(repository):
    """Heading to the first cell and the second of its tables' rows."""
    found, heading = {}, ""
    for line in (
        (repository / "docs" / "inputs-messages.md").read_text(encoding="utf-8").splitlines()
    ):
        if line.startswith("| "):
            first, second = re.fullmatch(r"\| (.*?) \| (.*) \|", line).groups()
            heading = first if first in ("volume", "slide") else heading
            found.setdefault(heading, {})[first] = second.strip("`")
    return found


def test_every_damage_is_listed_with_its_message(rows):
    listed = rows["volume"]
    assert set(listed) - {"volume"} == set(raw_volumes.DAMAGE)
    for kind, message in raw_volumes.DAMAGE.items():
        assert re.search(message, listed[kind]), kind
    for kind, (_, message) in raw_slides.BAD.items():
        assert re.search(message, rows["slide"][kind]), kind
