"""The tables of containers and metrics in the documentation are those of the code."""

import difflib

from virtual_staining.documentation import COMMAND, documents, filled


def test_the_generated_tables_are_written(repository):
    for path, text in documents().items():
        written = (repository / path).read_text(encoding="utf-8")
        lines = difflib.unified_diff(written.splitlines(), text.splitlines(), path, "generated")
        difference = "\n".join(lines)
        assert not difference, f"run `{COMMAND}`:\n{difference}"


def test_marked_parts_are_replaced_and_nothing_else():
    text = "a <!-- x -->old\nlines<!-- /x --> b <!-- y -->kept<!-- /y -->"
    assert filled(text, {"x": r"\1", "z": "absent"}) == (
        r"a <!-- x -->\1<!-- /x --> b <!-- y -->kept<!-- /y -->"
    )


def test_every_part_has_its_place(repository):
    pages = "".join(documents().values())
    for part in ("volume containers", "slide containers", "metrics"):
        assert f"<!-- {part} -->" in pages and f"<!-- /{part} -->" in pages
