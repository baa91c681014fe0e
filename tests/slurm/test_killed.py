"""Snakemake itself killed while its jobs run: nothing lost, nothing done twice."""

import signal
import subprocess
import time

from study import STAIN
from submit import QUICK_TRAIN_MEMORY, Study

TRAINED = [f"results/06_train/{STAIN}/pix2pix/fold-{fold}/generator.pt" for fold in (1, 2)]
STAINED = f"results/07_infer/{STAIN}/pix2pix/fold-1"


def test_killed_and_started_again_nothing_is_done_twice(cluster, config_home, tmp_path):
    study = Study.with_pairs(tmp_path / "study", config_home, epochs=100)
    arguments = (STAINED, TRAINED[1], "--set-resources", QUICK_TRAIN_MEMORY)
    histories = [study.folder / path.replace("generator.pt", "history.csv") for path in TRAINED]
    run = study.start(*arguments, name="killed")
    run.until(lambda: all(path.exists() for path in histories), "the first epochs", 120)
    run.process.send_signal(signal.SIGKILL)
    run.process.wait()
    assert len(cluster.jobs(study.folder)) == 2  # the inference was still to come

    numbers = [job["number"] for job in cluster.jobs(study.folder)]
    subprocess.run(["scancel", "--signal=STOP", *numbers], check=True)  # long enough to look
    locked = study.start(*arguments, name="locked").wait(60, success=False)
    assert "--unlock" in locked
    study.start("--unlock", name="unlock").wait(60)
    refused = study.start(*arguments, name="refused").wait(60, success=False)
    subprocess.run(["scancel", "--signal=CONT", *numbers], check=True)
    assert "SLURM jobs of an earlier run still make" in refused
    assert f"scancel {' '.join(numbers)}" in refused
    assert "Traceback" not in refused
    assert len(cluster.jobs(study.folder)) == 2

    end = time.monotonic() + 180
    while {job["state"] for job in cluster.jobs(study.folder)} != {"COMPLETED"}:
        assert time.monotonic() < end, cluster.jobs(study.folder)
        time.sleep(1)
    # The head node copies the generator from these weights; the jobs alone write the weights.
    kept = [study.folder / path.replace("generator.pt", "best/last.pt") for path in TRAINED]
    weights = [path.stat().st_mtime_ns for path in kept]
    study.start(*arguments, name="again").wait(120)
    assert [path.stat().st_mtime_ns for path in kept] == weights
    jobs = cluster.jobs(study.folder)
    assert [job["state"] for job in jobs] == ["COMPLETED"] * 3
    assert "infer_slides" in jobs[2]["rule"]
