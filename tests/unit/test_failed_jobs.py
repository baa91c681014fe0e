"""The error sentences that a failed run repeats at its end."""

import os

from virtual_staining.workflow.failed_jobs import error_sentences, silent_ends


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


def test_a_job_that_was_killed_is_named_with_its_last_line(tmp_path):
    logs = {
        "killed": "07:53:45 epoch 3\n",
        "empty": "",
        "sentence": "07:53:45 search 1\nerror: no plane\n",
        "defect": "Traceback (most recent call last):\nValueError: x\n",
    }
    for name, text in logs.items():
        (tmp_path / name).write_text(text)
    killed, empty = silent_ends([tmp_path / name for name in (*logs, "none")])
    assert f"{tmp_path}/killed: the job was ended from outside" in killed
    assert "(the last line of its log: 07:53:45 epoch 3)" in killed and "mem_mb" in killed
    assert f"{tmp_path}/empty: the job" in empty and "(its log is empty)" in empty
