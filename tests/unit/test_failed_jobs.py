"""The error sentences that a failed run repeats at its end."""

import os

from virtual_staining.workflow.failed_jobs import error_sentences


def test_the_last_sentence_of_each_new_log_is_said(tmp_path):
    logs = {
        "02_register/Mg-01.log": "07:53:45 search 1\nerror: no plane\n  check the pose\n",
        "03_normalize/Mg-02.log": "all is well\n",
        "05_split/tb.log": "error: too few\n",
        "06_train/old.log": "error: of an earlier run\n",
        "07_infer/defect.log": "Traceback\nValueError: x\n",
    }
    for name, text in logs.items():
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(text)
        os.utime(path, (5, 5) if "old" in name else (20, 20))
    assert error_sentences(tmp_path, 10) == [
        f"{tmp_path}/02_register/Mg-01.log: no plane check the pose",
        f"{tmp_path}/05_split/tb.log: too few",
    ]
    assert error_sentences(tmp_path / "none", 0) == []
