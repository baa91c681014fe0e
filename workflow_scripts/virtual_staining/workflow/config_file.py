"""Checks of a configuration file's text, before its values count for anything."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from virtual_staining.errors import InputError


def check_config_file(path: str | Path) -> None:
    """Refuse a configuration file that YAML would read otherwise than a person does.

    Raises
    ------
    InputError
        If the file is no UTF-8 text or no YAML, or names a key twice (YAML keeps the last value).
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text ({error}); save the file as UTF-8") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        twice = next(_twice(root, "", set()), None)
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise InputError(f"{path}: lists or blocks lie too deep in one another") from error
    if twice:
        key, first, second = twice
        raise InputError(
            f"{path}: {key}: the key stands twice, in lines {first} and {second}, and only the"
            " last "
            "value would count; remove one of them"
        )


def _twice(node: yaml.Node | None, above: str, visited: set[int]) -> Iterator[tuple[str, int, int]]:
    """Yield the path of each key that a mapping names twice, and both lines."""
    if id(node) in visited:  # an anchor may lead back to a node above it
        return
    visited.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _twice(item, above, visited)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        path = f"{above}.{name}" if above else name
        if name in lines and name != "<<":
            yield path, lines[name], line
        lines[name] = line
        yield from _twice(value, path, visited)
