"""What the plan refuses, and that it accepts nothing that a stage would refuse later."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workspace import ROOT, TINY

from virtual_staining.artefacts.folds import check_folds
from virtual_staining.artefacts.sheet import complete_sheet
from virtual_staining.cohort.sample_list import sample_table
from virtual_staining.errors import InputError
from virtual_staining.models.catalogue import all_models, check_model
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.sheet import SheetRow, parse_size
from virtual_staining.settings.study import Study
from virtual_staining.settings.train import TrainSettings
from virtual_staining.workflow.config_file import check_config_file
from virtual_staining.workflow.plan import plan_study

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
COLUMNS = ("sample", "volume", "slide", "stain", "material", "role", "group", "initial_pose")


def merged(*changes):
    config = json.loads(json.dumps(CONFIG))
    for change in changes:
        for key, value in change.items():
            both = isinstance(value, dict) and isinstance(config.get(key), dict)
            config[key] = {**config[key], **value} if both else value
    return config


def plan(*changes):
    return plan_study(
        merged(TINY, *changes), sample_table, given=merged(TINY, *changes), program=ROOT
    )


def write_sheet(folder, rows, columns=COLUMNS):
    """Write a sheet of small differences from a usual row, with the files that it names."""
    lines = ["\t".join(columns)]
    for number, row in enumerate(rows):
        name = f"s{number}"
        usual = {"sample": name, "volume": f"{name}.tif", "slide": f"{name}.png", "stain": "he"}
        usual |= {"material": "Ti", "role": "crossval", "initial_pose": "pose.json", **row}
        lines.append("\t".join(usual.get(column, "") for column in columns))
        for column in ("volume", "slide", "initial_pose"):
            if usual[column]:
                (folder / usual[column]).touch()
    (folder / "samples.tsv").write_text("\n".join(lines) + "\n")
    return {"samples": str(folder / "samples.tsv")}


@pytest.mark.parametrize("column", ["annotations", "annotations_ct"])
def test_drawings_are_read_before_any_job(tmp_path, column):
    """Syntax and class names; a mark that insists is no part of the file's name."""
    drawn = tmp_path / "drawn.geojson"
    sheet = write_sheet(tmp_path, [{column: "drawn.geojson!"}, {}], (*COLUMNS, column))
    with pytest.raises(InputError, match=rf"s0: {column}: .*drawn\.geojson$"):
        plan(sheet)
    ring = [[0, 0], [9, 0], [9, 9], [0, 0]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    one = {"type": "Feature", "geometry": shape, "properties": {"classification": "Bnoe"}}
    drawn.write_text(json.dumps([one]))
    with pytest.raises(InputError, match=r"drawn\.geojson: feature 1: unknown class 'Bnoe'"):
        plan(sheet)
    one["properties"]["classification"] = "Bone"
    drawn.write_text(json.dumps([one]))
    assert plan(sheet).samples[column]["s0"] == f"{drawn}!"


def test_the_default_study_and_the_tiny_one_are_planned():
    assert len(plan_study(CONFIG, sample_table, [ROOT / "config.yaml"], {}, ROOT).samples) == 53
    found = plan()
    assert len(found.samples) == 5 and not found.unsplit and not found.notes


def test_a_model_may_take_its_own_number_of_patches():
    study = plan({"model_patches_per_pair": {"pix2pix": 50}}).study
    assert study.training("pix2pix").patches_per_pair == 50
    assert study.training("paired_cyclegan") == plan().study.training("paired_cyclegan")


@pytest.mark.parametrize("name", ["demo", "example"])
def test_the_studies_of_the_profiles_are_sound(name):
    path = ROOT / f"profiles/{name}/study.yaml"
    check_config_file(path)
    study = merged(yaml.safe_load(path.read_text()), {"samples": None})
    plan_study(study, sample_table, program=ROOT)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stain_models": {"azan": ["paired_cyclegan"]}}, "no sample has the stain 'azan'"),
        ({"stain_models": {"toluidine_blue": ["unet"]}}, "'unet' must be one of models"),
        ({"stain_models": {"toluidine_blue": ["pix2pix"]}}, "must hold stain.model"),
        ({"stain_models": {"toluidine_blue": []}}, "one or more models"),
        ({"model_patches_per_pair": {"unet": 50}}, "'unet' must be one of models"),
        ({"stain": {"model": "cyclegan"}}, "stain.model: 'cyclegan' must be one of models"),
        ({"stain": {"folds": [3]}}, r"stain.folds: 3 must be one of the folds .* \(1, 2;"),
        ({"trained_folds": [2]}, r"stain.folds: 1 must be one of the folds .* \(2;"),
        ({"trained_folds": [1, 3]}, r"trained_folds: 3 must be at most split.folds \(2\)"),
        ({"trained_folds": []}, "trained_folds: .* one or more folds"),
        ({"trained_folds": [1, 1]}, "trained_folds: .* names none twice"),
        ({"infer": {"whole_planes": True}}, "infer.whole_planes: true needs train.norm: pixel"),
        ({"infer": {"texture": True}}, "infer.texture: true needs train.texture: true"),
        ({"models": ["pix3pix"]}, "models: unknown model 'pix3pix'; did you mean 'pix2pix'"),
        ({"models": ["pix2pix"]}, "stain.model: 'paired_cyclegan' must be one of models"),
        ({"train": {"patch_px": 48}}, "train.patch_px: 48 must be a multiple of 32 for pix2pix"),
        ({"infer": {"patch_px": 48}}, "infer.patch_px: 48 must be a multiple of 32 for pix2pix"),
        ({"stain": {"patch_px": 34}}, "stain.patch_px: 34 must be a multiple of 4 for paired_cyc"),
        ({"train": {"infer_checkpoint": "px"}}, "infer_checkpoint: 'px' must be one of last, gan"),
        ({"train": {"infer_checkpoint": "id", "lambda_id": 0}}, "infer_checkpoint: 'id' must be"),
        ({"train": {"batch": 4000}}, "train.batch: 4000 must be at most the 12 patches"),
        ({"split": {"folds": 5}}, "split.folds: 5 must be at most the number of groups: 4 cross"),
        ({"figures": {"train_sample": "nobody"}}, "figures.train_sample: 'nobody' must be a sect"),
        ({"figures": {"test_sample": "Mg-01"}}, "figures.test_sample: 'Mg-01' must be a section"),
        ({"stain": {"volumes": ["Mg-99"]}}, "stain.volumes: no volume 'Mg-99' in the sheet; did"),
        ({"results": "rules"}, "results: 'rules' lies in the program's folder rules"),
        ({"results": "workflow_scripts/x"}, "results: .* lies in the program's folder workflow_s"),
        ({"results": "config.yaml/x"}, "results: .*config.yaml is a file"),
        ({"samples": "rules"}, "rules: is a folder"),
        ({"samples": "none.tsv"}, "none.tsv: no such sample sheet"),
    ],
)
def test_what_cannot_end_well_is_refused(monkeypatch, change, words):
    monkeypatch.chdir(ROOT)
    with pytest.raises(InputError, match=words) as error:
        plan(change)
    assert "\n" not in str(error.value) or "infer_checkpoint" in words


@pytest.mark.parametrize(
    ("rows", "change", "words"),
    [
        ([], {}, "a header and no row"),
        ([{}, {"stain": ""}], {}, "sample 's1' has a slide but no stain"),
        ([{"role": "test"}], {}, "stain he: no section has the role crossval"),
        ([{"sample": "-rf"}], {}, "line 2 .*sample: '-rf' must be an id"),
        ([{"sample": "a" * 65}], {}, "sample: .* must be an id: up to 64"),
        ([{"sample": "Mg-01"}, {"sample": "mg-01"}], {}, "'mg-01' and 'Mg-01' differ in upper"),
        ([{"volume": "/"}], {}, "volume: '/' must be the path"),
        ([{"volume": "a{x}.tif"}], {}, r"volume: 'a\{x\}.tif' must be the path .* without braces"),
        ([{"volume": "<results>.tif"}], {}, "volume: '<results>.tif' must be the path"),
        ([{"initial_pose": ""}, {}], {}, "sample s0: initial_pose must name a pose"),
        ([{"group": "g"}] * 3, {}, "stain he: split.folds: 2 must be at most the number of groups"),
    ],
)
def test_what_cannot_end_well_in_a_sheet_is_refused(tmp_path, rows, change, words):
    with pytest.raises(InputError, match=words) as error:
        plan(write_sheet(tmp_path, rows), change)
    assert "\n" not in str(error.value)


def test_a_small_sheet_is_planned_up_to_its_pairs(tmp_path):
    config = merged(write_sheet(tmp_path, [{}, {}]))
    found = plan_study(config, sample_table, program=ROOT)
    assert found.unsplit == ("he",) and "nothing is trained" in found.notes[0]
    with pytest.raises(InputError, match=r"split\.folds: 5"):
        plan_study(config, sample_table, given={"split": {"folds": 5}}, program=ROOT)


def test_a_study_without_test_samples_says_so(tmp_path):
    found = plan(write_sheet(tmp_path, [{}] * 4))
    assert [text.split(": ")[1].split(",")[0] for text in found.notes] == [
        "the sheet has no sample of role test",
        "stain.volumes is test",
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"train:\n  epochs: 3\n  batch: 1\n  epochs: 4\n", "train.epochs: .* lines 2 and 4"),
        ("seed: 1 # µm".encode("latin-1"), "not UTF-8 text .*; save the file as UTF-8"),
        (b"a: [1\n", "not valid YAML"),
        (b"[" * 100_000, "too deep"),
        (b"a: &a [*a]\nb: 1\nb: 2", "b: the key stands twice"),
    ],
)
def test_the_text_of_a_configuration_file_is_checked(tmp_path, content, words):
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        check_config_file(path)
    assert "\n" not in str(error.value)


# ---- every key and every column, mutated --------------------------------------------------------

VALUES = (
    *(None, True, False, 0, 1, -1, 2, 3, 16, 32, 33, 48, 96, 100, 255, 300, 4096, 10_000, 10**9),
    *(2**31, 2**63, 2**70, 10**400, 0.0, -0.5, 0.5, 1.0, 2.0, 32.0, 1e-9, 1e9, 1e300),
    *(
        math.nan,
        math.inf,
        -math.inf,
        "",
        "x",
        "2e-4",
        "5",
        "last",
        "a\nb",
        "é",
        "-rf",
        [],
        [1],
        [2, 1],
    ),
    *(
        [0, 100],
        [1.5, 2.5],
        ["x"],
        [1, 1],
        [[]],
        {},
        {"x": 1},
        {"toluidine_blue": {}},
        "test",
        "all",
    ),
)
KEYS = [("", name) for name in Study.model_fields if name not in Study.blocks()]
KEYS += [(name, key) for name, block in Study.blocks().items() for key in block.model_fields]


@pytest.fixture(scope="module")
def complete_once():
    """Complete each cohort's sheet once: most keys change nothing of the cohort."""
    done = {}

    def complete(table, folder, name):
        cohort = (table.to_json(), folder, name)
        if cohort not in done:
            done[cohort] = complete_sheet(table, folder, name)
        return done[cohort].copy()

    return complete


@pytest.mark.parametrize(("block", "key"), KEYS)
def test_the_plan_accepts_nothing_that_a_stage_refuses(
    tmp_path, monkeypatch, complete_once, block, key
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("virtual_staining.workflow.plan.complete_sheet", complete_once)
    for value in VALUES:
        change = {block: {key: value}} if block else {key: value}
        try:
            found = plan(change)
        except InputError as error:
            text = str(error)
            assert "Traceback" not in text and "pydantic" not in text
            for line in text.splitlines():
                assert len(line) < 1000 and ": " in line, (value, line)
        else:
            check_as_the_stages_do(found)


def check_as_the_stages_do(found):
    """Read the settings as the jobs do, and check what the jobs check before they compute."""
    for name, block in Study.blocks().items():
        if name == "train":
            continue
        settings = getattr(found.study, name)
        assert read_settings(block, settings.model_dump_json()) == settings
    for model in found.study.models:
        settings = found.study.training(model)
        check_model(read_settings(TrainSettings, settings.model_dump_json()))
        assert all_models()[model].keys(settings) <= set(TrainSettings.model_fields)
    for stain, rows in found.samples[found.samples["role"] == "crossval"].groupby("stain"):
        if stain not in found.unsplit:
            check_folds(rows, found.study.split.folds)


CELLS = (
    *(
        "",
        " ",
        "a",
        "a b",
        "-rf",
        "--help",
        "é",
        "a\x01",
        "a" * 64,
        "a" * 65,
        "a" * 300,
        ".",
        "..",
        "/",
    ),
    *(
        "0",
        "-5",
        "5",
        "5.0",
        "1e-9",
        "1e400",
        "nan",
        "inf",
        "....",
        "e",
        "5,5,5",
        "5,5",
        "1,2,3,4",
        "5!",
    ),
    *(
        "crossval",
        "test",
        "fixed",
        "x+",
        "z",
        "a{x}",
        "<results>",
        "{",
        "<",
        "a::b",
        "$(x)",
        "null",
    ),
)
USUAL = {"sample": "a", "volume": "a.tif", "slide": "a.png", "stain": "he", "material": "Ti"}
USUAL |= {"role": "crossval", "voxel_size_um": "5"}


@pytest.mark.parametrize("column", list(SheetRow.model_fields))
def test_the_sheet_accepts_nothing_that_a_stage_refuses(tmp_path, column):
    for cell in CELLS:
        try:
            sheet = complete_sheet(pd.DataFrame([{**USUAL, column: cell}]), tmp_path, "samples.tsv")
        except InputError as error:
            assert str(error).startswith("samples.tsv: ") and "\n" not in str(error), cell
            continue
        row = sheet.iloc[0]
        parse_size(row["voxel_size_um"], 3, "voxel_size_um")
        parse_size(row["slide_pixel_um"], 2, "slide_pixel_um")
        for name in ("sample", "volume_id", "stain", "group", "block"):
            assert not row[name].startswith("-") and len(row[name]) <= 64, cell
        for name in ("volume", "slide", "annotations", "initial_pose"):
            assert not set(row[name]) & set("{}") and Path(row[name] or "a").name, cell


def test_a_size_is_written_in_one_way(tmp_path):
    for text in ("60", "60.0", "6e1", "60,60,60"):
        rows = [{**USUAL, "voxel_size_um": text}, {**USUAL, "sample": "b", "voxel_size_um": "60"}]
        sheet = complete_sheet(pd.DataFrame(rows), tmp_path, "samples.tsv")
        assert list(sheet["voxel_size_um"]) == ["60", "60"]


ALIGNED = (*COLUMNS[:6], "slide_pixel_um", "ct_image")


def aligned_sheet(folder, *changes):
    """Write a sheet of pairs that were aligned before, with their files."""
    usual = {"volume": "", "initial_pose": "", "slide_pixel_um": "5"}
    rows = [
        {**usual, "ct_image": f"ct{number}.png", **change} for number, change in enumerate(changes)
    ]
    for row in rows:
        (folder / (row["ct_image"] or "none")).touch()
    columns = [*ALIGNED, *{key for row in rows for key in row} - set(ALIGNED)]
    for row in rows:
        row["volume"] = row["volume"] or ""
    return write_sheet(folder, rows, columns)


def test_aligned_pairs_need_no_volume_and_say_that_nothing_is_stained_in_3d(tmp_path):
    sheet = aligned_sheet(tmp_path, *[{}] * 3, {"role": "test"})
    found = plan(sheet, {"split": {"folds": 3}})
    assert (
        list(found.samples["volume_id"])
        == list(found.samples["group"])
        == list(found.samples.index)
    )
    assert found.samples["ct_image"]["s0"] == str(tmp_path / "ct0.png")
    assert sum("nothing is stained in 3D" in note for note in found.notes) == 1
    (tmp_path / "ct1.png").unlink()
    with pytest.raises(InputError, match=r"s1: ct_image: .*ct1\.png"):
        plan(sheet)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"ct_image": ""}, "volume: '' must be the path of a volume"),
        ({"volume": "v.tif"}, "volume: 'v.tif' must be .*empty where ct_image"),
        ({"slide": ""}, "slide: '' must be the slide that ct_image is aligned with"),
        ({"initial_pose": "pose.json"}, "initial_pose: 'pose.json' must be empty beside ct_image"),
        ({"voxel_size_um": "5"}, "voxel_size_um: '5' must be empty beside ct_image"),
    ],
)
def test_a_row_is_a_volume_or_an_aligned_pair(tmp_path, row, words):
    with pytest.raises(InputError, match=rf"line 2 \(sample 's0'\): {words}"):
        plan(aligned_sheet(tmp_path, row, {}))
