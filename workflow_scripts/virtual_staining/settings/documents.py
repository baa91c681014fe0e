"""The texts generated from the settings classes: config.yaml, its schema and its documentation."""

import inspect
import json
import textwrap
from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from virtual_staining.settings.base import Settings
from virtual_staining.settings.sheet import SheetRow
from virtual_staining.settings.study import Study
from virtual_staining.settings.words import right_values

ROOT = Path(__file__).resolve().parents[3]
WIDTH = 110  # characters of a comment's line
SCHEMA = "rules/schemas/config.schema.json"
ORIGIN = "workflow_scripts/virtual_staining/settings/"
COMMAND = "make settings"


def documents() -> dict[str, str]:
    """Return the text of each generated file by its path in the repository."""
    return {"config.yaml": config(), SCHEMA: schema(), "docs/configuration.md": documentation()}


def write_documents() -> None:
    """Write the generated files."""
    for path, text in documents().items():
        (ROOT / path).write_text(text, encoding="utf-8")


def config() -> str:
    """Return config.yaml: every key with its default, a comment above it, a paragraph a block."""
    head = (
        f"{purpose(Study)}\n\nThe defaults are written by `{COMMAND}` from {ORIGIN}; for a study "
        "change them here, or name those that differ in a file given with --configfile."
    )
    parts = [f"# yaml-language-server: $schema={SCHEMA}\n{_comment(head)}\n"]
    for name in Study.model_fields:
        block = Study.blocks().get(name)
        if block is None:
            parts.append(_entry(Study, name))
            continue
        keys = "\n".join(_entry(block, key) for key in block.model_fields)
        parts.append(f"{_comment(purpose(block))}\n{name}:\n{textwrap.indent(keys, '  ')}")
    return "\n".join(parts)


def purpose(cls: type[Settings]) -> str:
    """Return what a class says about its block and how to choose its values."""
    return inspect.getdoc(cls) or ""


def _entry(cls: type[Settings], name: str) -> str:
    """Return a key and its default in YAML, with its comment above."""
    value = _plain(cls.model_fields[name].default)
    if isinstance(value, dict):
        text = yaml.safe_dump({name: value}, default_flow_style=None, sort_keys=False)
    elif isinstance(value, list):
        text = f"{name}: {yaml.safe_dump(value, default_flow_style=True, width=1000)}"
    else:
        text = yaml.safe_dump({name: value})
    return f"{_comment(sentence(cls, name), WIDTH - 2)}\n{text}"


def sentence(cls: type[Settings], name: str) -> str:
    """Return what a key means, with its unit and its place in the paper."""
    about = cls.about(name)
    text = cls.model_fields[name].description or ""
    notes = [about["unit"]] if about["unit"] else []
    notes += [f"paper {about['paper']}"] if about["paper"] else []
    notes += ["changes no result"] if about["effect"] else []
    return f"{text} ({'; '.join(notes)})" if notes else text


def _comment(text: str, width: int = WIDTH) -> str:
    """Return paragraphs as comment lines of limited length."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        joined = " ".join(paragraph.split())
        lines += [*([""] if lines else []), *textwrap.wrap(joined, width, break_on_hyphens=False)]
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _plain(value: Any) -> Any:
    """Return a default with lists in place of tuples."""
    return json.loads(json.dumps(value))


def schema() -> str:
    """Return the JSON schema, with which editors complete and check config.yaml."""
    content = Study.model_json_schema()
    content["description"] = "config.yaml: what each key means, its range and its default"
    blocks: dict[str, type[Settings]] = {"": Study, **Study.blocks()}
    for name, block in blocks.items():
        part = content["$defs"][block.__name__] if name else content
        part.pop("title")
        part["description"] = purpose(block).split("\n\n")[0] if name else part["description"]
        for key, entry in part["properties"].items():
            for note in ("title", "unit", "paper", "values", "effect", "only"):
                entry.pop(note, None)
            if "$ref" in entry:
                part["properties"][key] = {"$ref": entry["$ref"]}
            else:
                entry["description"] = sentence(block, key)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def documentation() -> str:
    """Return docs/configuration.md: a table of keys for each block."""
    parts = [
        "# Configuration",
        f"Every key of `config.yaml`, written by `{COMMAND}` from `{ORIGIN}`. A study\n"
        "of one's own names only the keys that differ, in a file given with `--configfile`.",
        _table(Study, [name for name in Study.model_fields if name not in Study.blocks()]),
    ]
    for name, block in Study.blocks().items():
        parts += [f"## {name}", purpose(block), _table(block, list(block.model_fields))]
    parts += [
        "## The sample sheet",
        purpose(SheetRow),
        _table(SheetRow, list(SheetRow.model_fields)),
    ]
    return "\n\n".join(parts) + "\n"


def _table(cls: type[Settings], names: list[str]) -> str:
    """Return the rows of some keys as a Markdown table."""
    lines = ["| key | default | values | meaning |", "|---|---|---|---|"]
    for name in names:
        field = cls.model_fields[name]
        meaning = sentence(cls, name).replace("|", "\\|")
        lines.append(f"| `{name}` | {_default(field)} | {right_values(field)} | {meaning} |")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    """Return a key's default for a table; empty for none."""
    if field.is_required():
        return "must be given"
    value = _plain(field.default)
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
    text = text.removesuffix("...\n").strip()
    return f"`{text}`" if value != "" else ""
