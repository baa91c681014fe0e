"""The settings that jobs read, and the keys that make them run again."""

import os
import re

import pytest
import yaml
from workspace import ROOT

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.models.catalogue import all_models
from virtual_staining.settings.base import from_dict, read_settings
from virtual_staining.settings.study import Study
from virtual_staining.settings.train import TrainBlock, TrainSettings
from virtual_staining.workflow.job_settings import changed_settings, write_job_settings
from virtual_staining.workflow.raw_files import folder_digest

# Parts that the Snakefile itself is, or that get their key by a parameter of their own.
ELSEWHERE = {"workflow", "split"}
RULES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk")}


def test_files_hold_every_key_and_are_written_only_when_they_change(tmp_path):
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config["results"] = str(tmp_path)
    study, folder = from_dict(Study, config), Results(tmp_path).job_settings
    write_job_settings(study)
    names = {path.name for path in folder.iterdir()}
    assert {"register.json", "stain.json", "train-pix2pix.json"} <= names
    for name, block in Study.blocks().items():
        if name != "train":
            assert read_settings(block, folder / f"{name}.json") == getattr(study, name)
    run = read_settings(TrainSettings, Results(tmp_path).train_settings("cyclegan"))
    assert (run.model, run.seed, run.epochs) == ("cyclegan", 1, 500)
    assert from_dict(Study, read_json(folder / "study.json")) == study
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    write_job_settings(from_dict(Study, {**config, "split": {"folds": 3}}))
    changed = {path.name for path in folder.iterdir() if path.stat().st_mtime > 1}
    assert changed == {"split.json", "study.json"}


@pytest.mark.parametrize("name", [name for name in Study.blocks() if name != "train"])
def test_every_key_that_reaches_a_result_is_in_a_rules_params(name):
    block = Study.blocks()[name]
    found = set()
    for text in RULES.values():
        for parts in re.findall(rf'reaching\("{name}"((?:, "\w+")*)\)', text):
            found |= set(block.keys_of(*re.findall(r'"(\w+)"', parts)))
    if name == "register":  # common.smk chooses the part of a section by its mode
        found |= set(block.keys_of("auto", "initial_pose", "fixed"))
    missing = set(block.keys_of()) - found
    assert all(set(block.about(key)["only"]) & ELSEWHERE for key in missing), missing


def test_a_training_depends_on_the_keys_of_its_model():
    reached = set()
    for network in ("paper", "resnet", "unet"):
        for model in all_models().values():
            keys = model.keys(TrainBlock(generator=network))
            assert keys <= set(TrainSettings.model_fields)
            assert {"tensorboard", "checkpoint_minutes", "infer_checkpoint"}.isdisjoint(keys)
            reached |= keys
    assert set(TrainSettings.keys_of()) - reached == {"model", "infer_checkpoint"}


def test_a_slice_overwritten_in_place_changes_the_digest(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.tif").write_bytes(b"one")
    before = folder_digest(tmp_path)
    folder_digest.cache_clear()
    assert folder_digest(tmp_path) == before != ""
    folder_digest.cache_clear()
    os.utime(tmp_path / "1.tif", (5, 5))
    assert folder_digest(tmp_path) != before
    assert folder_digest(tmp_path / "1.tif") == folder_digest(tmp_path / "none") == ""


def test_settings_that_differ_from_the_last_runs_are_named(tmp_path):
    study = from_dict(
        Study, {"results": str(tmp_path), "models": ["pix2pix"], "stain": {"model": "pix2pix"}}
    )
    assert changed_settings(study) == ""  # no run yet
    write_job_settings(study)
    assert changed_settings(study) == ""
    other = study.model_copy(update={"train": study.train.model_copy(update={"lambda_l1": 7.0})})
    said = changed_settings(other)
    assert "train.lambda_l1 was 20.0 and is 7.0." in said and "--forcerun" in said
    Results(tmp_path).study_settings.write_text("{", encoding="utf-8")
    assert changed_settings(other) == ""
