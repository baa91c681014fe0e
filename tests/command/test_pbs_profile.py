"""The profile for PBS hands jobs to qsub with cores, memory, cards and time."""

import os
import subprocess

from workspace import ROOT

QSUB = """#!/bin/bash
echo "$@" >> calls
bash "${@: -1}" > log 2>&1 &
echo "$!.server"
"""
SNAKEFILE = """
rule all:
    input: "normalized", "trained"
rule register_section:
    output: "registered"
    threads: 2
    resources: mem_mb=1000, runtime=90
    shell: "touch {output}"
rule normalize_pair:
    input: "registered"
    output: "normalized"
    shell: "touch {output}"
rule train_model:
    output: "trained"
    resources: gpu=1, mem_mb=8000, runtime=2880
    shell: "touch {output}"
"""


def test_jobs_reach_qsub_with_what_they_need(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/qsub").write_text(QSUB)
    (tmp_path / "bin/qsub").chmod(0o755)
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = ["snakemake", "--profile", str(ROOT / "profiles/pbs"), "--latency-wait", "5"]
    done = subprocess.run(
        [*command, "--seconds-between-status-checks", "1"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "normalized").exists() and (tmp_path / "trained").exists()
    calls = sorted((tmp_path / "calls").read_text().splitlines(), key=lambda call: "train" in call)
    assert len(calls) == 2  # the two steps of a section are one job
    assert "-l select=1:ncpus=4:mem=8000mb:ngpus=1 -l walltime=48:0:00" in calls[1]
    assert "ngpus=0" in calls[0] and "walltime=2:30:00" in calls[0]
