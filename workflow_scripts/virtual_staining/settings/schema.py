"""Checks of config.yaml and the sample sheet against ``rules/schemas``, in readable words."""

import difflib
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import yaml

from virtual_staining.errors import InputError

SCHEMAS = Path(__file__).resolve().parents[3] / "rules" / "schemas"


def load_schema(name: str) -> dict:
    """Return the schema ``rules/schemas/<name>.schema.yaml``."""
    return yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text(encoding="utf-8"))


def problems(values: dict, schema: dict) -> Iterator[str]:
    """Yield one sentence for each way in which ``values`` break the schema.

    A sentence names the key by its dotted path, the value found, and what it should be (the
    schema's own ``description``).
    """
    validator = jsonschema.Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(values), key=lambda e: list(map(str, e.path))):
        where = ".".join(map(str, error.absolute_path))
        if error.validator == "additionalProperties":
            known = error.schema.get("properties", {})
            for key in sorted(set(error.instance) - set(known)):
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
                yield f"{_join(where, key)}: unknown key; {hint}"
        elif error.validator == "required":
            yield f"{where or 'top level'}: {error.message}"
        else:
            meaning = error.schema.get("description", "")
            yield f"{where}: {error.message}" + (f" ({meaning})" if meaning else "")


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else str(key)


def check_config(config: dict) -> None:
    """Check the merged configuration.

    Raises
    ------
    InputError
        Listing every problem, a line each.
    """
    found = list(problems(config, load_schema("config")))
    if found:
        raise InputError("config: " + "\n  config: ".join(found))
