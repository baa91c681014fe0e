"""Settings of a stage: a frozen dataclass whose fields are the keys of its block in config.yaml."""

import dataclasses
import difflib
import json
from typing import TypeVar

from virtual_staining.errors import InputError

T = TypeVar("T")


def from_dict(cls: type[T], values: dict, name: str = "settings") -> T:
    """Build a settings dataclass, refusing unknown and missing keys by name.

    Parameters
    ----------
    cls : type
        A dataclass; its fields are the allowed keys.
    values : dict
        Key to value, as parsed from JSON or YAML. Lists become tuples.
    name : str
        What to call the block in error messages, e.g. ``"normalize"``.

    Raises
    ------
    InputError
        If a key is unknown (with the nearest known one) or missing.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in values:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(fields)}"
            raise InputError(f"{name}: unknown key {key!r}{hint}")
    missing = [
        key
        for key, field in fields.items()
        if key not in values
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise InputError(f"{name}: missing key(s) {', '.join(missing)}")
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def from_json(cls: type[T], text: str, name: str = "settings") -> T:
    """Build a settings dataclass from JSON text (what a rule passes as ``--settings``).

    Raises
    ------
    InputError
        If the text is not a JSON object, or as in :func:`from_dict`.
    """
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{name}: not valid JSON ({error}): {text!r}") from error
    if not isinstance(values, dict):
        raise InputError(f"{name}: expected a JSON object, got {text!r}")
    return from_dict(cls, values, name)
