"""A real limit of the system, met by a real command."""

import json
import os
import resource
import subprocess
import sys

import yaml


def test_a_file_too_large_is_one_sentence_and_leaves_nothing(repository, tmp_path):
    settings = yaml.safe_load((repository / "config.yaml").read_text())["cohort"]
    out = tmp_path / "samples.tsv"
    command = [sys.executable, "-m", "virtual_staining", "cohort", "sheet", "--seed", "1"]
    command += ["--settings", json.dumps(settings), "--out", str(out)]
    done = subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        check=False,
        # A measurement of coverage would write a file of its own, against the same limit.
        env={key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the file grew larger than the system allows" in done.stderr.splitlines()[-1]
    assert str(tmp_path) in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
