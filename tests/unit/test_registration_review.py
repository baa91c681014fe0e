"""``review.tsv``: its refusals, what a decision does, and the text that the page writes."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sheets import SHEET

from virtual_staining.artefacts import registration_review as reviews
from virtual_staining.artefacts.sheet import complete_sheet
from virtual_staining.errors import InputError
from virtual_staining.register.result.page import SCRIPT
from virtual_staining.register.review import STALE, judged
from virtual_staining.settings.study import Study
from virtual_staining.workflow.sheet_rules import unfit_reviews

HEADER = "sample\tdecision\tresult\tview_direction\tnote\n"
A, B = "0123456789", "abcdef0123"


def read(folder, rows, header=HEADER):
    path = folder / reviews.NAME
    path.write_text(header + "".join("\t".join(row) + "\n" for row in rows))
    return reviews.read_reviews(path, ["S-1", "S-2"])


def test_decisions_are_read_and_a_missing_file_decides_nothing(tmp_path):
    assert reviews.read_reviews(tmp_path / "none.tsv", ["S-1"]) == {}
    found = read(tmp_path, [["S-1", "accept", A, "", "clear"], ["S-2", "other_face", B, "0,0,-2"]])
    assert found["S-1"] == reviews.Review("accept", A, "", "clear", 2)
    assert found["S-2"].view_direction == "0,0,-2"
    assert reviews.parse_direction("0,0,-2").tolist() == [0, 0, -1]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["S-9", "accept", A], r"line 2 \(sample 'S-9'\): sample: the sheet has no such section"),
        (["S-1", "maybe", A], "decision: 'maybe' must be one of accept, reject, other_face"),
        (["S-1", "accept", "yes"], "result: 'yes' must be the section's `result` in"),
        (["S-1", "other_face", A], "view_direction: other_face needs a direction x,y,z"),
        (["S-1", "accept", A, "0,0"], "view_direction: '0,0' must be three numbers"),
        (["S-1", "accept", A, "0,0,0"], "must be three numbers x,y,z that are not all 0"),
        (["S-1", "accept", A, "0,nan,1"], "must be three numbers"),
    ],
)
def test_bad_rows_are_refused_by_name(tmp_path, row, words):
    with pytest.raises(InputError, match=words) as error:
        read(tmp_path, [row])
    assert str(error.value).endswith("save the file anew from 02_register/qc.html")


def test_double_rows_and_other_columns_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"line 3 .*: is decided on line 2 already"):
        read(tmp_path, [["S-1", "accept", A], ["S-1", "reject", A]])
    with pytest.raises(InputError, match="line 1: the columns must be sample, decision, result"):
        read(tmp_path, [], header="sample\tdecision\n")
    with pytest.raises(InputError, match="found sample, decision, result, colour"):
        read(tmp_path, [], header="sample\tdecision\tresult\tcolour\n")


def test_a_decision_counts_for_the_registration_that_was_judged():
    row = {"sample": "S", "result": A, "failed": "", "flags": "", "unsure": True, "review": ""}

    def after(decision, result, **changes):
        told = judged({**row, **changes}, reviews.Review(decision, result, "", "", 2))
        return told["review"], told["unsure"], told["flags"]

    assert judged(row, None) == row
    assert after("accept", A) == ("accepted", False, "")
    assert after("reject", A, unsure=False) == ("rejected", False, "")
    assert after("accept", B) == ("", True, STALE)
    assert after("reject", B, unsure=False, flags="tilts") == ("", True, f"tilts; {STALE}")
    assert after("accept", A, failed="no plane") == ("", True, STALE)
    assert after("other_face", A) == ("", True, "")


def test_a_pose_says_which_face_is_up():
    rows = [{**SHEET, "sample": name, "slide": "s.png"} for name in ("S-1", "S-2")]
    rows[1] |= {"register_mode": "fixed", "initial_pose": "p.json"}
    sheet = complete_sheet(pd.DataFrame(rows).fillna(""), ".", "sheet")
    turned = {name: reviews.Review("other_face", A, "0,0,1", "", 3) for name in sheet.index}
    (said,) = unfit_reviews(Study(), sheet, turned, "review.tsv")
    assert re.search(r"line 3 \(sample 'S-2'\): view_direction must be empty, .*fixed: turn", said)


@pytest.mark.skipif(shutil.which("node") is None, reason="node runs the page's script")
def test_the_pages_text_is_what_the_program_reads(tmp_path):
    usual = {"result": A, "normal": "0.0000,-0.6000,0.8000", "keptView": "", "keptResult": ""}
    kept = {"keptView": "1,0,0", "keptResult": B}
    sections = [
        {**usual, "sample": "S-0", "decision": ""},
        {**usual, "sample": "S-1", "decision": "accept", "note": 'a\ttab "and"\nline'},
        {**usual, "sample": "S-2", "decision": "reject"},
        {**usual, "sample": "S-3", "decision": "other_face"},
        {**usual, **kept, "sample": "S-4", "decision": "", "note": "turned"},
        {**usual, **kept, "sample": "S-5", "decision": "accept"},
    ]
    code = f"{SCRIPT.read_text()}\nprocess.stdout.write(reviewText({json.dumps(sections)}))"
    done = subprocess.run(["node", "-e", code], capture_output=True, encoding="utf-8", check=True)
    path = tmp_path / reviews.NAME
    path.write_text(done.stdout)
    found = reviews.read_reviews(path, [section["sample"] for section in sections])
    assert {name: (r.decision, r.result, r.view_direction) for name, r in found.items()} == {
        "S-1": ("accept", A, ""),
        "S-2": ("reject", A, ""),
        "S-3": ("other_face", A, "0,0.6,-0.8"),
        "S-4": ("other_face", B, "1,0,0"),
        "S-5": ("accept", A, "1,0,0"),
    }
    assert found["S-1"].note == "a tab and line"


def test_the_file_lies_beside_the_sheet():
    assert reviews.review_path("data/samples.tsv", "results") == Path("data/review.tsv")
    assert reviews.review_path(None, "results") == Path("results/review.tsv")
    assert np.isclose(np.linalg.norm(reviews.parse_direction("3,4,0")), 1)
