"""The whole workflow on a cluster with two GPUs, through the profile by its bare name."""

import shutil

import pytest
from study import STAIN

pytestmark = pytest.mark.workflow

FIGURES = {"boxplots", "models", "patches", "slides", "training_slide", "unmasked"}


def figures_of(results):
    """Return the names of the figures that were drawn."""
    return {path.stem for path in results.glob(f"09_figures/{STAIN}/*.png")}


def most_at_once(jobs: list[dict]) -> int:
    """Return the largest number of GPUs in use at the same time."""
    changes = [(job["end"], -job["gpus"]) for job in jobs]
    changes += [(job["start"], job["gpus"]) for job in jobs]
    in_use = peak = 0
    for _, gpus in sorted(changes):
        in_use += gpus
        peak = max(peak, in_use)
    return peak


def test_everything_and_never_more_gpu_jobs_than_gpus(cluster, whole):
    results = whole.results
    assert "Using profile slurm-gpu" in (whole.folder / "run.log").read_text()
    assert (results / f"08_evaluate/{STAIN}/table.csv").is_file()
    assert figures_of(results) == FIGURES
    assert (results / f"10_stain/{STAIN}/paired_cyclegan/Mg-03/rgba.tif").is_file()
    jobs = cluster.jobs(whole.folder)
    assert {job["state"] for job in jobs} == {"COMPLETED"}
    assert sum(job["gpus"] for job in jobs) == 4 + 4 + 1  # train, infer, stain: one each
    assert most_at_once([job for job in cluster.jobs() if job["start"] and job["end"]]) == 2
    log = results / f"logs/06_train/{STAIN}/paired_cyclegan/fold-1.log"
    assert "paired_cyclegan, fold 1" in log.read_text()


def test_figures_from_cached_outputs_submit_no_job(cluster, whole):
    shutil.rmtree(whole.results / "09_figures")
    before = len(cluster.jobs(whole.folder))
    whole.start("figures").wait(60)
    assert figures_of(whole.results) == FIGURES
    assert len(cluster.jobs(whole.folder)) == before


def test_a_second_run_submits_nothing(cluster, whole):
    before = len(cluster.jobs(whole.folder))
    assert "Nothing to be done" in whole.start().wait(60)
    assert len(cluster.jobs(whole.folder)) == before
