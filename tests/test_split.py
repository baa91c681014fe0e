"""Folds: the paper's ratio, whole groups, determinism and refusals."""

import json
import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from virtual_staining.cli import main
from virtual_staining.errors import InputError
from virtual_staining.split.command import read_unsure, split_stain, without_unsure
from virtual_staining.split.folds import make_folds


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
    assert "volume v" in caplog.text and "6 groups that the sheet names" in caplog.text


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
    path.write_text("\n".join(rows) + "\n")


def test_command_writes_one_stains_folds(tmp_path):
    rows = [[f"t{i}", f"v{i}.tif", "s.tif", "tb", "Mg", "crossval", 5] for i in range(4)]
    rows += [["h0", "v9.tif", "s.tif", "he", "Mg", "crossval", 5]]
    rows += [["bare", "v8.tif", "", "tb", "Mg", "crossval", 5]]
    rows += [["t9", "v7.tif", "s.tif", "tb", "Ti", "test", 5]]
    write_sheet(tmp_path / "samples.tsv", rows)
    out = tmp_path / "folds.json"
    write_registration(tmp_path / "registration.csv")
    arguments = [
        "--sheet",
        str(tmp_path / "samples.tsv"),
        "--seed",
        "1",
        "--out",
        str(out),
        "--registration",
        str(tmp_path / "registration.csv"),
        "--unsure",
        "drop",
    ]
    assert main(["split", *arguments, "--stain", "tb", "--settings", '{"folds": 2}']) == 0
    folds = json.loads(out.read_text())
    assert sorted(np.concatenate([f["validation"] for f in folds["folds"]])) == [
        "t0",
        "t1",
        "t2",
        "t3",
    ]
    assert folds["test"] == ["t9"] and folds["material"]["t9"] == "Ti"
    assert folds["stain"] == "tb" and folds["seed"] == 1
    assert folds["dropped"] == []
    write_registration(tmp_path / "registration.csv", unsure=["t2", "h0"])
    assert main(["split", *arguments, "--stain", "tb", "--settings", '{"folds": 2}']) == 0
    folds = json.loads(out.read_text())
    assert folds["dropped"] == ["t2"]
    assert "t2" not in str(folds["folds"]) and "t2" not in folds["material"]


def test_unsure_sections_are_dropped_kept_or_refused():
    sheet = table(["Mg"] * 4)
    kept, dropped = without_unsure(sheet, {"s001", "s003"}, "drop")
    assert (list(kept.index), dropped) == (["s000", "s002"], ["s001", "s003"])
    assert without_unsure(sheet, {"s001"}, "keep")[0].equals(sheet)
    assert without_unsure(sheet, set(), "stop")[1] == []
    with pytest.raises(InputError, match=r"2 section\(s\) \(s001, s003\); look at .*qc.html"):
        without_unsure(sheet, {"s003", "s001"}, "stop")
    with pytest.raises(InputError, match="all sections are"):
        without_unsure(sheet, set(sheet.index), "drop")


def test_a_broken_registration_table_is_refused(tmp_path):
    (tmp_path / "registration.csv").write_text("sample\na\n")
    for name in ("registration.csv", "none.csv"):
        with pytest.raises(InputError, match=name):
            read_unsure(str(tmp_path / name))


def test_command_refuses_unknown_stain_and_settings(tmp_path, capsys):
    rows = [["a", "v.tif", "s.tif", "tb", "Mg", "crossval", 5]]
    write_sheet(tmp_path / "samples.tsv", rows)
    (tmp_path / "registration.csv").write_text("sample,unsure\na,False\n")
    arguments = [
        "split",
        "--sheet",
        str(tmp_path / "samples.tsv"),
        "--seed",
        "1",
        "--out",
        "x",
        "--registration",
        str(tmp_path / "registration.csv"),
        "--unsure",
        "keep",
    ]
    assert main([*arguments, "--stain", "he", "--settings", "{}"]) == 1
    assert "no sample has a slide with stain 'he'" in capsys.readouterr().err
    assert main([*arguments, "--stain", "tb", "--settings", '{"fold": 2}']) == 1
    assert "did you mean 'folds'" in capsys.readouterr().err
    assert main([*arguments, "--stain", "tb", "--settings", '{"folds": 1}']) == 1
    assert "at least 2" in capsys.readouterr().err
