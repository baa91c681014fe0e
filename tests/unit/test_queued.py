"""Jobs that a killed run left in the queue."""

from virtual_staining.workflow.slurm_queue import queued_jobs, refusal

QUEUE = [
    ("7", "RUNNING", "rule_train_model_wildcards_he_pix2pix_1"),
    ("8", "PENDING", "rule_pair"),
    ("9", "RUNNING", "rule_infer_slides_wildcards_he_pix2pix_1"),
]


def test_a_job_is_known_by_number_or_by_what_it_makes():
    said = refusal(QUEUE, {"8", "rule_train_model_wildcards_he_pix2pix_1"})
    assert "job 7 (RUNNING): rule_train_model_wildcards_he_pix2pix_1" in said
    assert "scancel 7 8\n" in said
    assert "9" not in said


def test_jobs_of_others_do_not_matter():
    assert refusal(QUEUE, {"rule_train_model_wildcards_he_pix2pix_2", "70"}) is None
    assert refusal([], {"8"}) is None


def test_only_this_folders_jobs_count(tmp_path, monkeypatch):
    program = tmp_path / "squeue"
    program.write_text(f"#!/bin/sh\necho '7|RUNNING|{tmp_path}|a|b'\necho '8|PENDING|/else|c'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert queued_jobs(tmp_path) == [("7", "RUNNING", "a|b")]
    program.unlink()
    assert queued_jobs(tmp_path) == []
