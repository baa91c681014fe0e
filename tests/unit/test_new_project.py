"""`make new-project` lays down a sheet and settings that the workflow accepts."""

import pytest
import yaml

from virtual_staining.errors import InputError
from virtual_staining.settings.base import problems
from virtual_staining.settings.sheet import SheetRow
from virtual_staining.settings.study import Study
from virtual_staining.workflow.new_project import new_project


def test_the_settings_are_right_and_few(tmp_path):
    text = new_project(tmp_path / "mine")
    assert str(tmp_path / "mine/samples.tsv") in text
    config = yaml.safe_load((tmp_path / "mine/config.yaml").read_text())
    assert problems(Study, config) == []
    assert config["samples"] == str(tmp_path / "mine/samples.tsv")
    assert len(config) < 10
    assert f"check {tmp_path}/mine/samples.tsv --config {tmp_path}/mine/config.yaml" in text


def test_the_sheet_has_known_columns_and_rows_of_equal_length(tmp_path):
    new_project(tmp_path)
    rows = [line.split("\t") for line in (tmp_path / "samples.tsv").read_text().splitlines()]
    assert set(rows[0]) <= set(SheetRow.model_fields)
    assert {len(row) for row in rows} == {len(rows[0])}


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "samples.tsv").write_text("mine")
    with pytest.raises(InputError, match="already there"):
        new_project(tmp_path)
    assert (tmp_path / "samples.tsv").read_text() == "mine"
    assert not (tmp_path / "config.yaml").exists()
