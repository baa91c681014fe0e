"""What is wrong with a value and what would be right, in words."""

import difflib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, cast

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

LONGEST_VALUE = 80  # characters of a value that a message quotes
MOST_KNOWN = 30  # names that a message lists
NUMBERS = {int: "a whole number", float: "a number"}
PLAIN = {str: "text", bool: "true or false", type(None): "null"}


class BrokenRules(ValueError):
    """Keys of one block that contradict each other.

    Parameters
    ----------
    rules : list of (str, str)
        Each key, and what would be right.
    """

    def __init__(self, rules: list[tuple[str, str]]):
        super().__init__(rules)
        self.rules = rules


def sentences(cls: type[BaseModel], values: Any, error: ValidationError, name: str) -> list[str]:
    """Return a sentence for each wrong key: key, value, what would be right, what the key means.

    Parameters
    ----------
    cls : type
        The class that refused the values.
    values : object
        What was refused.
    error : ValidationError
        How it was refused.
    name : str
        Name of the block, with which the keys begin; empty for the whole configuration.
    """
    texts: dict[str, str] = {}
    for item in error.errors(include_url=False, include_context=True):
        for where, text in _about(cls, values, item):
            path = dotted(name, where)
            texts.setdefault(path, f"{path}: {text}" if path else text)
    return list(texts.values())


def _about(
    cls: type[BaseModel], values: Any, item: Mapping[str, Any]
) -> Iterator[tuple[tuple, str]]:
    """Yield the path of each key that an error is about, and what is wrong with the key's value."""
    kind, loc = item["type"], item["loc"]
    if isinstance(item.get("ctx", {}).get("error"), BrokenRules):
        block = _block_at(cls, loc)
        for key, right in item["ctx"]["error"].rules:
            value = item["input"].get(key, block.model_fields[key].default)
            yield (*loc, key), f"{quoted(value)} must be {right}"
    elif kind == "extra_forbidden":
        yield loc, f"unknown key; {nearest(str(loc[-1]), _block_at(cls, loc[:-1]).model_fields)}"
    elif kind == "invalid_key":
        yield loc[:-1], f"the key {quoted(loc[-1])} must be text"
    elif kind in ("model_type", "model_attributes_type"):
        yield loc, f"{quoted(item['input'])} must be keys and their values"
    else:
        path, field, right = _key_at(cls, loc)
        if kind == "missing" and path == loc:
            yield path, f"must be given: {right}{_meaning(field)}"
            return
        value = _value_at(values, path)
        yield path, f"{quoted(value)} must be {right}{_hint(value, field)}{_meaning(field)}"


def dotted(name: str, loc: Iterable) -> str:
    """Return the dotted path of a key, e.g. ``train.epochs``."""
    return ".".join(str(part) for part in (name, *loc) if str(part))


def quoted(value: Any) -> str:
    """Return a value as messages show it: on one line of limited length."""
    try:
        text = "null" if value is None else repr(value)
    except (RecursionError, ValueError):  # a whole number too long to print
        return "the value"
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} …"


def nearest(key: str, known: Iterable[str]) -> str:
    """Say which known key an unknown one resembles, or list those known."""
    known = list(known)
    near = difflib.get_close_matches(key, known, n=1)
    shown = [*known[:MOST_KNOWN], *(["…"] if len(known) > MOST_KNOWN else [])]
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(shown) or 'none'}"


def _block_at(cls: type[BaseModel], loc: tuple) -> type[BaseModel]:
    """Return the settings class at a place of the configuration."""
    for part in loc:
        cls = cast(type[BaseModel], cls.model_fields[part].annotation)
    return cls


def _key_at(cls: type[BaseModel], loc: tuple) -> tuple[tuple, FieldInfo, str]:
    """Return the path of the key at a place, the key's field, and which values are right there.

    Entries of a mapping have paths of their own; elements of a list have not.
    """
    depth = 1
    while is_block(cls.model_fields[loc[depth - 1]].annotation) and depth < len(loc):
        cls = cast(type[BaseModel], cls.model_fields[loc[depth - 1]].annotation)
        depth += 1
    field = cls.model_fields[loc[depth - 1]]
    annotation, right = field.annotation, right_values(field)
    while typing.get_origin(annotation) is dict and depth < len(loc):
        names, annotation = typing.get_args(annotation)
        if loc[-1] == "[key]" and depth == len(loc) - 2:
            return loc[:depth], field, f"keys out of {', '.join(typing.get_args(names))}"
        depth, right = depth + 1, _kind(annotation, {})
    return loc[:depth], field, right


def is_block(annotation: Any) -> bool:
    """Tell whether a key's value is a block of keys."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _value_at(values: Any, path: tuple) -> Any:
    for part in path:
        values = values[part]
    return values


def right_values(field: FieldInfo) -> str:
    """Say which values a key takes, e.g. ``a whole number from 1 to 100``."""
    about = cast(dict[str, Any], field.json_schema_extra or {})
    kind = about.get("values") or _kind(field.annotation, _limits(field.metadata))
    return f"{kind} ({about['unit']})" if about.get("unit") and "number" in kind else kind


def _limits(metadata: Iterable) -> dict[str, float]:
    """Return the limits of a number by pydantic's names of them."""
    return {
        name: getattr(item, name)
        for item in metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(item, name, None) is not None
    }


def _kind(annotation: Any, limits: dict[str, float]) -> str:
    """Describe the values of a type."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        parts = [part for item in arguments[1:] for part in getattr(item, "metadata", [item])]
        return _kind(arguments[0], limits | _limits(parts))
    if annotation in NUMBERS:
        return NUMBERS[annotation] + _range(limits)
    if annotation in PLAIN:
        return PLAIN[annotation]
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_kind(argument, limits) for argument in arguments)
    if origin is tuple:
        count = "a list" if arguments[-1] is Ellipsis else f"a list of {len(arguments)}"
        return f"{count}, each {_kind(arguments[0], {})}"
    return "keys and their values"


def _range(limits: dict[str, float]) -> str:
    """Describe the limits of a number."""
    text = {name: f"{limit:.10g}" for name, limit in limits.items()}
    if {"ge", "le"} <= set(text):
        return f" from {text['ge']} to {text['le']}"
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    parts = [f"{word} {text[name]}" for name, word in words.items() if name in text]
    return " " + " and ".join(parts) if parts else ""


def _hint(value: Any, field: FieldInfo) -> str:
    """Say how to write a number that was written as something else."""
    if isinstance(value, str) and _kind(field.annotation, {}).startswith(tuple(NUMBERS.values())):
        try:
            number = float(value)
        except ValueError:
            return ""
        mantissa, _, exponent = value.strip().lower().partition("e")
        if exponent and "." not in mantissa:
            return f"; write {mantissa}.0e{exponent}, because YAML reads {value} as text"
        return f"; write {number:g} without quotation marks"
    if isinstance(value, float) and value.is_integer() and field.annotation is int:
        return f"; write {value:.0f}"
    return ""


def _meaning(field: FieldInfo) -> str:
    """Return the first phrase of a key's meaning, in parentheses."""
    phrase = (field.description or "").split("; ")[0].split(". ")[0]
    return f" ({phrase})" if phrase else ""
