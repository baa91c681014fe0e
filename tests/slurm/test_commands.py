"""What a user types next, and what is said when the cluster cannot do it."""

import time

import pytest
from study import STAIN
from submit import Study

FOLD = f"results/06_train/{STAIN}/pix2pix/fold-2/generator.pt"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--default-resources", "slurm_partition=nosuch"), "invalid partition specified: nosuch"),
        (("--set-resources", "train_model:gpu=3"), "Requested node configuration is not available"),
    ],
)
def test_what_the_cluster_lacks_is_said_at_once(cluster, config_home, tmp_path, options, words):
    study = Study.with_pairs(tmp_path / "study", config_home)
    start = time.monotonic()
    text = study.start(FOLD, "--retries", "0", *options).wait(90, success=False)
    assert words in text
    assert "Traceback" not in text
    assert time.monotonic() - start < 60
    assert "has been submitted" not in text
    # SLURM may remember what it refused; nothing of it may wait or run.
    assert not {"PENDING", "RUNNING"} & {job["state"] for job in cluster.jobs(study.folder)}


def test_one_fold_is_one_job_and_gets_more_memory_after_running_out(cluster, config_home, tmp_path):
    study = Study.with_pairs(tmp_path / "study", config_home)
    study.start(FOLD, "--set-resources", "train_model:mem_mb=300 * attempt ** 3").wait(150)
    assert (study.folder / FOLD).is_file()
    jobs = cluster.jobs(study.folder)
    assert [job["memory"] for job in jobs] == ["300M", "2400M"]
    assert jobs[0]["state"] != "COMPLETED"
    assert jobs[1]["state"] == "COMPLETED"
    assert all("train_model" in job["rule"] for job in jobs)
