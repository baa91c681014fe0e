"""The settings classes: what is generated from them, and what they refuse in which words."""

import difflib
import json
import math

import pytest
import yaml

from virtual_staining.errors import InputError
from virtual_staining.settings.base import from_dict, problems, read_settings
from virtual_staining.settings.documents import COMMAND, documents
from virtual_staining.settings.register import RegisterSettings
from virtual_staining.settings.split import SplitSettings
from virtual_staining.settings.study import Study
from virtual_staining.settings.train import TrainSettings

BLOCKS = Study.blocks()
KEYS = [(name, key) for name, block in BLOCKS.items() for key in block.model_fields]


@pytest.mark.parametrize("path", list(documents()))
def test_generated_files_are_those_of_the_classes(repository, path):
    text = documents()[path]
    found = (repository / path).read_text(encoding="utf-8")
    lines = difflib.unified_diff(found.splitlines(), text.splitlines(), path, "the classes", n=0)
    assert found == text, f"run `{COMMAND}`:\n" + "\n".join(lines)


def test_config_holds_every_key_with_its_default(repository):
    text = (repository / "config.yaml").read_text(encoding="utf-8")
    assert from_dict(Study, yaml.safe_load(text)) == Study()
    assert max(map(len, text.splitlines())) <= 130
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if ":" in line and not line.lstrip().startswith(("#", "toluidine", "crossval", "test")):
            assert lines[number - 1].lstrip().startswith("#"), f"no comment above {line}"


def test_the_schema_refuses_what_the_classes_refuse(repository):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(documents()["rules/schemas/config.schema.json"])
    validator = jsonschema.Draft202012Validator(schema)
    assert not list(validator.iter_errors(yaml.safe_load((repository / "config.yaml").read_text())))
    assert list(validator.iter_errors({"train": {"epoch": 3}}))
    assert list(validator.iter_errors({"split": {"folds": 1}}))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"train": {"epoch": 3}}, "train.epoch: unknown key; did you mean 'epochs'?"),
        ({"resutls": "x"}, "resutls: unknown key; did you mean 'results'?"),
        ({"train": {"epochs": 2.0}}, "train.epochs: 2.0 must be a whole .*; write 2 "),
        ({"train": {"epochs": True}}, "train.epochs: True must be a whole number"),
        ({"train": {"learning_rate": "2e-4"}}, "'2e-4' must be a .*; write 2.0e-4, because"),
        ({"train": {"batch": "4"}}, "'4' must be .*; write 4 without quotation marks"),
        ({"split": {"folds": 1}}, "split.folds: 1 must be a whole number from 2 to"),
        ({"evaluate": {"lpips": "perhaps"}}, "lpips: 'perhaps' must be true, false or if"),
        ({"infer": {"step_px": 300}}, r"infer.step_px: 300 must be at most patch_px \(256\)"),
        ({"register": {"fine_um": 500}}, "register.fine_um: 500 must be at most coarse_um"),
        ({"ingest": {"float_percentiles": [9, 1]}}, r"float_percentiles: \[9, 1\] must be two ris"),
        ({"normalize": {"low_clamp": 255}}, "normalize.low_clamp: 255 must be below high_clamp"),
        ({"normalize": {"bone_mean": 5000}}, "normalize.bone_mean: 5000 must be above background"),
        ({"stain": {"volumes": []}}, "stain.volumes: .* must be test, all, or a list"),
        ({"cohort": {"voxel_size_um": 0.001}}, "cohort.voxel_size_um: 0.001 must be such that"),
        (
            {"cohort": {"stains": {"toluidine_blue": {"test": {"Mg": 10**9}}}}},
            "blue.test.Mg: 10000",
        ),
        (
            {"cohort": {"stains": {"pink": {}}}},
            "cohort.stains: .* must be keys out of toluidine_bl",
        ),
        ({"results": "a<b>"}, "results: 'a<b>' must be a path without braces, angle brackets"),
        ({"results": "a\0"}, "results: .* must be a path"),
        ({3: 4}, "the key 3 must be text"),
        ({"train": None}, "train: null must be keys and their values"),
        ({"seed": 2**70}, "seed: .* must be a whole number from 0 to 4294967295"),
        ({"train": {"unet_depth": 10**5000}}, "train.unet_depth: the value must be a whole"),
    ],
)
def test_wrong_values_are_refused_in_one_sentence(values, words):
    with pytest.raises(InputError, match=words) as error:
        from_dict(Study, values)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("block", "key"), KEYS)
def test_no_key_takes_what_no_number_or_name_can_be(block, key):
    for value in (math.nan, math.inf, -math.inf, {"a": 1}, [[]], [None], 10**30, -(10**30)):
        if key in ("stains", "reference_class", "lpips_backbone", "model", "infer_checkpoint"):
            continue
        found = problems(Study, {block: {key: value}})
        assert len(found) == 1 and found[0].startswith(f"{block}.{key}: "), (value, found)


def test_settings_are_read_from_a_file_or_text_and_the_rest_is_default(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"fan_deg": 8, "scan_beam": [64, 2]}')
    assert read_settings(RegisterSettings, "{}") == RegisterSettings()
    settings = RegisterSettings(fan_deg=8, scan_beam=(64, 2))
    assert read_settings(RegisterSettings, path) == settings
    assert read_settings(RegisterSettings, path.read_text()) == settings
    assert read_settings(RegisterSettings, settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nowhere.json", "split settings: 'nowhere.json' is neither JSON text nor a readable file"),
        ("{folds: 2}", "split settings: not valid JSON"),
        ('{"folds": 1}', "split.folds: 1 must be"),
        ('{"folds": NaN}', "split.folds: nan must be"),
    ],
)
def test_settings_that_cannot_be_read_are_refused(text, words):
    with pytest.raises(InputError, match=words):
        read_settings(SplitSettings, text)


def test_a_wrong_file_is_named(tmp_path):
    path = tmp_path / "settings.json"
    for text in ("[1]", "", '{"folds": 1}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"settings\.json: "):
            read_settings(SplitSettings, path)


def test_a_part_reads_its_own_keys_alone():
    settings = RegisterSettings()
    fixed = settings.part("fixed")
    assert fixed.grey_bins == settings.grey_bins
    with pytest.raises(AttributeError):
        _ = fixed.scan_beam
    assert set(settings.reaching("auto")) - set(settings.reaching("initial_pose")) == {
        "scan_rotations",
        "scan_step_um",
        "scan_beam",
    }


def test_numbers_are_normalized_and_keys_without_effect_left_out():
    whole = TrainSettings(model="pix2pix", seed=1, lambda_cyc=6)
    assert json.dumps(whole.reaching()) == json.dumps(
        TrainSettings(model="pix2pix", seed=1, lambda_cyc=6.0, tensorboard=True).reaching()
    )
    assert {"tensorboard", "checkpoint_minutes"}.isdisjoint(whole.reaching())
    assert "batch_patches" not in Study().stain.reaching()
