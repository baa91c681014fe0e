"""The schema, config.yaml and the stages' settings say the same."""

import dataclasses
import importlib

import pytest
import yaml

from virtual_staining.errors import InputError
from virtual_staining.settings.base import from_dict
from virtual_staining.settings.schema import check_config, load_schema

STAGES = (
    *("cohort", "ingest", "register", "normalize", "mask", "split"),
    *("train", "infer", "evaluate", "figures", "stain"),
)
GIVEN_BY_THE_RULE = {"train": {"model", "seed"}}  # not keys of the block


@pytest.fixture(scope="module")
def config(repository):
    return yaml.safe_load((repository / "config.yaml").read_text())


def settings_class(stage):
    module = importlib.import_module(f"virtual_staining.settings.{stage}")
    return getattr(module, f"{stage.capitalize()}Settings")


def test_config_is_valid_and_holds_the_schemas_defaults(config):
    check_config(config)
    schema = load_schema("config")
    assert set(config) == set(schema["properties"])
    for key, value in config.items():
        entry = schema["properties"][key]
        if key not in STAGES:
            assert entry["default"] == value, key
            continue
        assert set(value) == set(entry["properties"]), key
        for name, default in value.items():
            assert entry["properties"][name]["default"] == default, f"{key}.{name}"
            assert entry["properties"][name]["description"], f"{key}.{name}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_block_is_the_stages_settings(config, stage):
    cls = settings_class(stage)
    fields = {field.name for field in dataclasses.fields(cls)}
    assert fields - GIVEN_BY_THE_RULE.get(stage, set()) == set(config[stage])
    extra = {"model": "pix2pix", "seed": 1} if stage == "train" else {}
    from_dict(cls, {**config[stage], **extra}, stage)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": {"epoch": 3}}, "train.epoch: unknown key; did you mean 'epochs'"),
        ({"split": {"folds": 1}}, "split.folds: 1 is less than the minimum"),
        ({"evaluate": {"lpips": "perhaps"}}, "evaluate.lpips: 'perhaps' is not one of"),
        ({"resutls": "x"}, "resutls: unknown key; did you mean 'results'"),
    ],
)
def test_problems_are_named(config, change, words):
    merged = {**config, **change}
    for key in set(change) & set(config):
        merged[key] = {**config[key], **change[key]}
    with pytest.raises(InputError, match=words):
        check_config(merged)
