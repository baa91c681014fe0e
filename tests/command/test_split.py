"""Folds: the paper's ratio, whole groups, determinism and refusals."""

import dataclasses
import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virtual_staining.artefacts.folds import read_fold
from virtual_staining.artefacts.pair import pair_digest
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_table import Doubts, left_out, read_doubts
from virtual_staining.artefacts.storage.atomic import read_json
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.classes import Tissue
from virtual_staining.split.command import split_stain, without_doubtful, without_unsure
from virtual_staining.split.stratification import make_folds


def table(materials, groups=None, roles=None, volumes=None):
    """Rows of a sample sheet as the stage sees them."""
    ids = [f"s{i:03d}" for i in range(len(materials))]
    return pd.DataFrame(
        {
            "material": materials,
            "group": groups or ids,
            "role": roles or ["crossval"] * len(ids),
            "volume_id": volumes or ids,
        },
        index=ids,
    )


def paper_sheet():
    """The paper's 53 pairs: 38 Mg, 5 Ti, 10 PEEK, of which 2 Mg and 1 PEEK are for testing."""
    materials = ["Mg"] * 38 + ["Ti"] * 5 + ["PEEK"] * 10
    roles = ["crossval"] * 53
    for index in (0, 1, 43):
        roles[index] = "test"
    return table(materials, roles=roles)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_papers_cohort_gives_40_10_folds_at_7_1_2(seed):
    sheet = paper_sheet()
    result = split_stain(sheet, 5, seed)
    counts = []
    for fold in result["folds"]:
        assert (len(fold["train"]), len(fold["validation"])) == (40, 10)
        assert not set(fold["train"]) & set(fold["validation"])
        found = sheet.loc[fold["validation"], "material"].value_counts()
        counts.append((found["Mg"], found["Ti"], found["PEEK"]))
    # 36 Mg and 9 PEEK do not divide by five: one fold has to hold 8:1:1.
    assert sorted(counts) == [(7, 1, 2)] * 4 + [(8, 1, 1)]
    validated = [sample for fold in result["folds"] for sample in fold["validation"]]
    assert sorted(validated) == sorted(set(sheet.index) - set(result["test"]))
    assert result["test"] == ["s000", "s001", "s043"]


def test_same_seed_same_folds_whatever_the_row_order():
    sheet = paper_sheet()
    assert split_stain(sheet, 5, 3) == split_stain(sheet.sample(frac=1, random_state=0), 5, 3)
    assert split_stain(sheet, 5, 3)["folds"] != split_stain(sheet, 5, 4)["folds"]


def test_pairs_of_one_animal_stay_together_and_the_ratio_holds():
    materials = ["Mg"] * 40 + ["PEEK"] * 20
    sheet = table(materials, groups=[f"rat{i // 2}" for i in range(60)])
    folds = make_folds(sheet, 5, seed=1)
    for fold in folds:
        found = sheet.loc[fold, "material"].value_counts()
        assert (found["Mg"], found["PEEK"]) == (8, 4)
        assert sheet.loc[fold, "group"].value_counts().eq(2).all()


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_no_group_crosses_train_validation_or_test(data):
    count = data.draw(st.integers(12, 40))
    numbers = data.draw(st.lists(st.integers(0, 14), min_size=count, max_size=count))
    materials = data.draw(st.lists(st.sampled_from(["Mg", "Ti"]), min_size=count, max_size=count))
    roles = ["test" if n == 14 else "crossval" for n in numbers]
    sheet = table(materials, [f"g{n}" for n in numbers], roles)
    try:
        result = split_stain(sheet, 3, seed=0)
    except InputError:
        return
    for fold in result["folds"]:
        sides = [set(sheet.loc[fold[k], "group"]) for k in ("train", "validation")]
        sides.append(set(sheet.loc[result["test"], "group"]))
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        assert fold["validation"]


def test_rare_material_warns_and_proceeds(caplog):
    folds = make_folds(table(["Mg"] * 8 + ["Ti"] * 2), 5, seed=0)
    assert [len(fold) for fold in folds] == [2] * 5
    assert "Ti has 2 group(s) for 5 folds" in caplog.text


def test_one_material_is_split_evenly():
    assert sorted(map(len, make_folds(table(["brain"] * 17), 2, seed=0))) == [8, 9]


def test_sections_of_one_volume_are_one_group_unless_the_sheet_says_so(caplog):
    with caplog.at_level(logging.WARNING):
        split_stain(table(["brain"] * 6, volumes=["v"] * 6), 2, seed=0)
    assert "volume v" in caplog.text and "6 sections into 6 groups" in caplog.text


@pytest.mark.parametrize(
    ("sheet", "words"),
    [
        (table(["Mg"] * 4), "form 4 group.*too few for 5"),
        (table(["Mg"] * 10, groups=["one"] * 10), "form 1 group"),
        (table(["A"] * 4 + ["B"] * 4, groups=list("aabcdefg")), "no material has 5"),
    ],
)
def test_refusals_say_why(sheet, words):
    with pytest.raises(InputError, match=words):
        make_folds(sheet, 5, seed=0)


def test_a_group_in_both_roles_is_refused():
    sheet = table(["Mg"] * 6, groups=list("abcdea"), roles=["crossval"] * 5 + ["test"])
    with pytest.raises(InputError, match="'a' has samples in both roles"):
        split_stain(sheet, 2, seed=0)


def write_sheet(path, rows):
    columns = ["sample", "volume", "slide", "stain", "material", "role", "voxel_size_um"]
    lines = ["\t".join(columns), *("\t".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")


def write_registration(path, unsure=()):
    rows = ["sample,unsure", *(f"{s},{s in unsure}" for s in ("t0", "t1", "t2", "t3", "t9", "h0"))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n")


NAMES = ("03_normalize/{}/ct.tif", "03_normalize/{}/slide.tif", "03_normalize/{}/stats.json")
NAMES += ("04_mask/{}/mask.tif", "04_mask/{}/tissue.tif")


def write_images(folder, samples):
    """Write something for each of a pair's files: the split only reads them through."""
    for sample in samples:
        for name in NAMES:
            path = folder / name.format(sample)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name} of {sample}")
        write_tissue(folder, sample)


def write_tissue(folder, sample, classes=((Tissue.SOFT, Tissue.OUTSIDE),)):
    write_image(Results(folder).mask(sample).tissue, np.array(classes, np.uint8), 5)


def split_words(folder, stain="tb", unsure="drop", settings='{"folds": 2}'):
    return [
        *("split", "--sheet", str(folder / "samples.tsv"), "--seed", "1", "--stain", stain),
        *("--results", str(folder), "--settings", settings, "--unsure", unsure),
    ]


@pytest.fixture
def cohort(tmp_path):
    """A sheet of two stains with a test sample and a bare volume, all registered, with images."""
    rows = [[f"t{i}", f"v{i}.tif", "s.tif", "tb", "Mg", "crossval", 5] for i in range(4)]
    rows += [["h0", "v9.tif", "s.tif", "he", "Mg", "crossval", 5]]
    rows += [["bare", "v8.tif", "", "tb", "Mg", "crossval", 5]]
    rows += [["t9", "v7.tif", "s.tif", "tb", "Ti", "test", 5]]
    write_sheet(tmp_path / "samples.tsv", rows)
    write_registration(Results(tmp_path).registration_table)
    write_images(tmp_path, ["t0", "t1", "t2", "t3", "t9"])
    return tmp_path


def fold_texts(folder):
    """Return the text of every file that a training may depend on."""
    return {
        path.name: path.read_text()
        for path in sorted(Results(folder).split("tb").path.glob("fold-*.json"))
    }


def test_command_writes_one_stains_folds(cohort):
    assert main(split_words(cohort)) == 0
    folds = read_json(Results(cohort).split("tb").folds)
    validated = [sample for fold in folds["folds"] for sample in fold["validation"]]
    assert sorted(validated) == ["t0", "t1", "t2", "t3"]
    assert folds["test"] == ["t9"] and folds["material"]["t9"] == "Ti"
    assert folds["stain"] == "tb" and folds["seed"] == 1
    assert folds["dropped"] == []
    for number in (1, 2):
        alone = read_fold(Results(cohort).split("tb").fold(number), number)
        whole = read_fold(Results(cohort).split("tb").folds, number)
        assert alone == dataclasses.replace(whole, test=(), material={})
    write_registration(Results(cohort).registration_table, unsure=["t2", "h0"])
    assert main(split_words(cohort)) == 0
    folds = read_json(Results(cohort).split("tb").folds)
    assert folds["dropped"] == ["t2"]
    assert "t2" not in str(folds["folds"]) and "t2" not in folds["material"]
    assert "t2" not in folds["images"]


@pytest.mark.parametrize(
    "name",
    [
        "03_normalize/t1/ct.tif",
        "03_normalize/t1/slide.tif",
        "03_normalize/t1/stats.json",
        "04_mask/t1/mask.tif",
    ],
)
def test_a_changed_image_changes_every_folds_file_and_a_touched_one_none(cohort, name):
    assert main(split_words(cohort)) == 0
    before = fold_texts(cohort)
    (cohort / name).touch()
    assert main(split_words(cohort)) == 0
    assert fold_texts(cohort) == before
    (cohort / name).write_text("retouched by hand")
    assert main(split_words(cohort)) == 0
    after = fold_texts(cohort)
    assert after.keys() == before.keys() == {"fold-1.json", "fold-2.json"}
    assert all(after[file] != before[file] for file in before)


def test_changed_tissue_classes_change_no_trainings_file(cohort):
    assert main(split_words(cohort)) == 0
    before, whole = fold_texts(cohort), read_json(Results(cohort).split("tb").folds)
    write_tissue(cohort, "t1", ((Tissue.RIGID, Tissue.OUTSIDE),))
    assert main(split_words(cohort)) == 0
    assert fold_texts(cohort) == before
    after = read_json(Results(cohort).split("tb").folds)
    assert {s for s in whole["tissue"] if whole["tissue"][s] != after["tissue"][s]} == {"t1"}


def test_a_trainings_file_does_not_know_the_test_samples(cohort):
    assert main(split_words(cohort)) == 0
    before, whole = fold_texts(cohort), Results(cohort).split("tb").folds.read_text()
    with open(cohort / "samples.tsv", "a") as sheet:
        sheet.write("t8\tv6.tif\ts.tif\ttb\tPEEK\ttest\t5\n")
    (cohort / "03_normalize/t9/ct.tif").write_text("another")
    write_images(cohort, ["t8"])
    assert main(split_words(cohort)) == 0
    assert fold_texts(cohort) == before
    assert Results(cohort).split("tb").folds.read_text() != whole


def test_exchanged_images_have_another_digest(tmp_path):
    write_images(tmp_path, ["a"])
    results = Results(tmp_path)
    before = pair_digest(results, "a")
    ct, slide = results.normalized("a").ct, results.normalized("a").slide
    ct_text, slide_text = ct.read_text(), slide.read_text()
    ct.write_text(slide_text)
    slide.write_text(ct_text)
    assert pair_digest(results, "a") != before
    before = pair_digest(results, "a")
    write_tissue(results.root, "a", ((Tissue.SOFT, Tissue.UNKNOWN),))
    assert pair_digest(results, "a") != before, "training may weigh what lies outside the mask"


@pytest.mark.parametrize(
    "name",
    [
        "03_normalize/t3/ct.tif",
        "03_normalize/t9/stats.json",
        "04_mask/t3/mask.tif",
        "04_mask/t3/tissue.tif",
    ],
)
def test_a_missing_image_is_named_with_the_remedy(cohort, name, capsys):
    (cohort / name).unlink()
    assert main(split_words(cohort)) == 1
    said = capsys.readouterr().err
    assert f"{name}: no such file" in said and "snakemake pairs" in said


def test_failed_and_rejected_sections_are_left_out_or_stop(cohort):
    sheet = pd.DataFrame({"material": "Mg"}, index=list("abcd"))
    doubts = Doubts(unsure=("c", "x"), rejected=("b",), failed=("a", "y"))
    kept, dropped = without_doubtful(sheet, doubts, "keep", "drop")
    assert (list(kept.index), dropped) == (["c", "d"], ["a", "b"])
    assert without_doubtful(sheet, doubts, "drop", "drop")[1] == ["a", "b", "c"]
    with pytest.raises(InputError, match=r"register.failed: 1 section\(s\) could not .*\(a\); 02_"):
        without_doubtful(sheet, doubts, "keep", "stop")
    with pytest.raises(InputError, match="no section is left: a, b failed or are rejected"):
        without_doubtful(sheet.loc[["a", "b"]], doubts, "keep", "drop")
    table = Results(cohort).registration_table
    table.write_text(
        "sample,unsure,review,failed,result\n"
        "t0,True,,no plane,\nt1,False,rejected,,f\nt2,False,accepted,,f\nt3,True,,,f\n"
    )
    assert read_doubts(table) == Doubts(unsure=("t3",), rejected=("t1",), failed=("t0",))
    assert list(left_out(table, {"t0", "t1", "t2"})) == [
        "section t0: left out, as its registration failed: no plane",
        "section t1: left out, as review.tsv rejects it",
    ]


def test_unsure_sections_are_dropped_kept_or_refused():
    sheet = table(["Mg"] * 4)
    kept, dropped = without_unsure(sheet, {"s001", "s003"}, "drop")
    assert (list(kept.index), dropped) == (["s000", "s002"], ["s001", "s003"])
    assert without_unsure(sheet, {"s001"}, "keep")[0].equals(sheet)
    assert without_unsure(sheet, set(), "stop")[1] == []
    with pytest.raises(InputError, match=r"2 section\(s\) is unsure \(s001, s003\); look"):
        without_unsure(sheet, {"s003", "s001"}, "stop")
    with pytest.raises(InputError, match="registration of all sections is unsure"):
        without_unsure(sheet, set(sheet.index), "drop")


def test_a_broken_registration_table_is_refused(tmp_path):
    (tmp_path / "registration.csv").write_text("sample\na\n")
    for name in ("registration.csv", "none.csv"):
        with pytest.raises(InputError, match=name):
            read_doubts(tmp_path / name)


def test_command_refuses_unknown_stain_and_settings(tmp_path, capsys):
    rows = [["a", "v.tif", "s.tif", "tb", "Mg", "crossval", 5]]
    write_sheet(tmp_path / "samples.tsv", rows)
    write_registration(Results(tmp_path).registration_table)
    assert main(split_words(tmp_path, "he", "keep", "{}")) == 1
    assert "no sample has a slide with stain 'he'" in capsys.readouterr().err
    assert main(split_words(tmp_path, "tb", "keep", '{"fold": 2}')) == 1
    assert "did you mean 'folds'" in capsys.readouterr().err
    assert main(split_words(tmp_path, "tb", "keep", '{"folds": 1}')) == 1
    assert "from 2 to" in capsys.readouterr().err
