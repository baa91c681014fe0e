"""`make new-project` lays down a sheet and settings that the workflow accepts."""

import shlex

import pytest
import yaml
from workspace import ROOT

from virtual_staining.cohort.sample_list import sample_table
from virtual_staining.errors import InputError
from virtual_staining.settings.base import problems
from virtual_staining.settings.sheet import SheetRow
from virtual_staining.settings.study import Study
from virtual_staining.workflow.new_project import new_project
from virtual_staining.workflow.plan import plan_study


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


def test_a_first_pair_needs_no_choice_of_folds(tmp_path):
    """A sheet of one section is planned up to its pair."""
    new_project(tmp_path)
    (tmp_path / "ct.tif").touch()
    (tmp_path / "slide.png").touch()
    (tmp_path / "samples.tsv").write_text(
        "sample\tvolume\tslide\tstain\trole\nA\tct.tif\tslide.png\the\tcrossval\n"
    )
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    given = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    config |= {key: value for key, value in given.items() if not isinstance(value, dict)}
    assert plan_study(config, sample_table, given=given, program=ROOT).unsplit == ("he",)


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "samples.tsv").write_text("mine")
    with pytest.raises(InputError, match="already there"):
        new_project(tmp_path)
    assert (tmp_path / "samples.tsv").read_text() == "mine"
    assert not (tmp_path / "config.yaml").exists()


@pytest.mark.parametrize("name", ["my study", "a # b", "50: 50", "it's", 'a "b"', "Größe", "$x"])
def test_any_name_can_be_copied_from_the_screen(name, tmp_path):
    folder = tmp_path / name
    text = new_project(folder)
    config = yaml.safe_load((folder / "config.yaml").read_text(encoding="utf-8"))
    assert config["samples"] == f"{folder}/samples.tsv"
    assert problems(Study, config) == []
    typed = next(line for line in text.splitlines() if "--configfile" in line)
    assert shlex.split(typed)[-1] == f"{folder}/config.yaml"


@pytest.mark.parametrize(
    ("name", "words"),
    [("{x}", "no braces"), ("file", "cannot be"), ("file/x", "cannot be")],
)
def test_a_folder_that_cannot_be_is_refused(name, words, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=words):
        new_project(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
