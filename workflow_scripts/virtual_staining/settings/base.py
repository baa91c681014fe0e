"""The base of all settings classes: one class a block of config.yaml, one field a key."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from virtual_staining.errors import InputError
from virtual_staining.settings.words import BrokenRules, sentences

S = TypeVar("S", bound="Settings")
LARGEST_SEED = 2**32 - 1  # what NumPy, PyTorch and pandas all take


def key(
    default: Any = ...,
    meaning: str = "",
    *,
    unit: str = "",
    paper: str = "",
    values: str = "",
    effect: str = "",
    only: Iterable[str] = (),
    **limits: Any,
) -> Any:
    """Declare one key of a block.

    Parameters
    ----------
    default : object
        Value that config.yaml starts with; left out, the key must be given.
    meaning : str
        What the key means, and how to choose its value: a phrase or sentences, for the comment in
        config.yaml, the documentation and the messages.
    unit : str
        Unit of the value, e.g. ``"µm"``.
    paper : str
        Section, equation or figure of the paper that the value comes from, e.g. ``"2.9"``.
    values : str
        Which values are right, in words, where the type and the limits do not say it.
    effect : str
        For keys that change no result: what the key changes instead, e.g. ``"memory"``. Such a key
        never makes Snakemake run a job again.
    only : iterable of str
        Parts of the stage that read the key, where not all of them do: commands or modes. A change
        of the key runs only these again.
    **limits
        ``ge``, ``gt``, ``le``, ``lt``, ``min_length``, ``max_length`` and ``pattern`` of pydantic.
    """
    about: dict[str, Any] = {
        "unit": unit,
        "paper": paper,
        "values": values,
        "effect": effect,
        "only": tuple(only),
    }
    return Field(default, description=meaning, json_schema_extra=about, **limits)


class Settings(BaseModel):
    """The keys of one block, checked; cannot be changed afterwards.

    Numbers are strict: 2.0 is no whole number, ``"5"`` is no number, NaN and infinity are refused.
    Lists become tuples.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
    )
    block_name: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _lists_to_tuples(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        broken = list(self.broken_rules())
        if broken:
            raise BrokenRules(broken)
        return self

    def broken_rules(self) -> Iterator[tuple[str, str]]:
        """Yield each key that contradicts other keys of the block, and what is right instead."""
        return iter(())

    @classmethod
    def about(cls, name: str) -> dict[str, Any]:
        """Return ``unit``, ``paper``, ``effect`` and ``only`` of a key."""
        return cast(dict[str, Any], cls.model_fields[name].json_schema_extra)

    @classmethod
    def argument_help(cls) -> str:
        """Return what ``--help`` says of a command's argument for this block."""
        return (
            f"keys of the block `{cls.block_name}` of config.yaml, as a JSON file or JSON text; "
            "keys left out take their defaults"
        )

    def reaching(self, *parts: str) -> dict[str, Any]:
        """Return the keys that reach a result of these parts of the stage (all parts if none).

        The values are those that the checks made of them, so ``6`` and ``6.0`` are the same.
        """
        return self.model_dump(include=set(self.keys_of(*parts)))

    @classmethod
    def keys_of(cls, *parts: str) -> list[str]:
        """Return the names of the keys that reach a result of these parts (all parts if none)."""
        names = []
        for name in cls.model_fields:
            about = cls.about(name)
            if not about["effect"] and (
                not parts or not about["only"] or set(parts) & set(about["only"])
            ):
                names.append(name)
        return names

    def part(self, *parts: str) -> Self:
        """Return the settings without the keys that these parts do not read.

        Reading another key raises AttributeError, so that no command can depend on a key that
        would not make Snakemake run the command again.
        """
        kept = {
            *self.keys_of(*parts),
            *(n for n in type(self).model_fields if self.about(n)["effect"]),
        }
        return self.only_keys(kept)

    def only_keys(self, names: Iterable[str]) -> Self:
        """Return the settings with these keys alone; see :meth:`part`."""
        copy = self.model_copy()
        for name in set(type(self).model_fields) - set(names):
            del copy.__dict__[name]
        return copy


def problems(cls: type[S], values: Any) -> list[str]:
    """Return a sentence for each way in which ``values`` are no settings of this class."""
    try:
        cls.model_validate(values)
    except ValidationError as error:
        return sentences(cls, values, error, cls.block_name)
    except RecursionError:
        return [f"{cls.block_name or 'config'}: lists or blocks lie too deep in one another"]
    return []


def from_dict(cls: type[S], values: dict, source: str = "") -> S:
    """Build settings from keys and values; keys left out take their defaults.

    Parameters
    ----------
    cls : type
        The class of the block.
    values : dict
        Key to value, as parsed from JSON or YAML.
    source : str
        Where the values stand, e.g. a file, for the message.

    Raises
    ------
    InputError
        With a line for each wrong key: key, value and what would be right.
    """
    found = problems(cls, values)
    if found:
        raise InputError("\n  ".join(f"{source}: {text}" if source else text for text in found))
    return cls.model_validate(values)


def read_settings(cls: type[S], text_or_path: str | Path) -> S:
    """Build settings from JSON text, or from a JSON file: what ``--settings`` takes.

    Text that begins with ``{`` is JSON, anything else the path of a file. Keys left out take their
    defaults.

    Raises
    ------
    InputError
        If the file cannot be read, the text is no JSON object, or as in :func:`from_dict`.
    """
    text, source = str(text_or_path), ""
    if not text.lstrip().startswith("{"):
        source = text
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(
                f"{cls.block_name} settings: {text!r} is neither JSON text nor a readable file "
                f"({error})"
            ) from error
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = source or f"{cls.block_name} settings"
        raise InputError(f"{where}: not valid JSON ({error})") from error
    return from_dict(cls, values, source)
