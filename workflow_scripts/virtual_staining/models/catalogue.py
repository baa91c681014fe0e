"""Finds the models in ``variants/``: one file each, listed nowhere else.

Imports no torch, because the workflow's plan reads the facts about the models.
"""

import importlib
import pkgutil
from collections.abc import Iterable

from virtual_staining.errors import InputError
from virtual_staining.models import variants
from virtual_staining.models.facts import Facts
from virtual_staining.models.references import REFERENCES, marked_title
from virtual_staining.settings.model_facts import training_problems
from virtual_staining.settings.train import TrainSettings


def all_models() -> dict[str, Facts]:
    """Return the facts about every model by its name, in the order of tables and figures."""
    modules = [
        importlib.import_module(f"{variants.__name__}.{module.name}")
        for module in pkgutil.iter_modules(variants.__path__)
    ]
    models = sorted((module.MODEL for module in modules), key=lambda model: model.order)
    return {model.name: model for model in models}


def model_facts(name: str) -> Facts:
    """Return the facts about a model.

    Raises
    ------
    InputError
        If no model has this name.
    """
    models = all_models()
    if name not in models:
        raise InputError(f"model: unknown {name!r}; known: {', '.join(models)}")
    return models[name]


def in_order(names: Iterable[str]) -> list[str]:
    """Sort names: known models in their order, others by name, then the references, raw CT last."""
    names, known = set(names), all_models()
    unknown = sorted(names - known.keys() - REFERENCES.keys())
    return [name for name in [*known, *unknown, *REFERENCES] if name in names]


def model_name(name: str) -> str:
    """Return the printed title of a model or, with its mark, of a reference; else the name."""
    if name in REFERENCES:
        return marked_title(REFERENCES[name])
    models = all_models()
    return models[name].title if name in models else name


def check_model(settings: TrainSettings) -> None:
    """Refuse training settings that do not fit their model.

    Raises
    ------
    InputError
        Naming the key.
    """
    problem = next(training_problems(settings, model_facts(settings.model)), None)
    if problem:
        raise InputError(problem)
