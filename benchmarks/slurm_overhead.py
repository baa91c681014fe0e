"""Twenty tiny trainings (4 models x 5 folds) over a small SLURM's two pretended GPUs.

    python benchmarks/slurm_overhead.py   # Debian: slurm-wlm and munge; as root

Printed for each job, in the order of submission: when it started and ended, how long its training
ran by itself, and what SLURM and Snakemake added around that. Then wall time against the sum of
the trainings, how much of the time both GPUs were taken, and how many jobs were overtaken.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/slurm")]

from cluster import GPUS, Cluster, obstacle  # noqa: E402
from paired_study import STAIN, write_pairs, write_study  # noqa: E402
from submit import QUICK_TRAIN_MEMORY, Study  # noqa: E402

from virtual_staining.workflow.profile_link import link_profile  # noqa: E402

MODELS = ("paired_cyclegan", "pix2pix", "cyclegan", "cyclegan_inverted")
FOLDS = 5


def make_study(folder: Path) -> Study:
    """Make a study whose pairs lie there already and whose raw files are gone."""
    link_profile(folder=folder / "config-home/snakemake")
    workspace = folder / "study"
    workspace.mkdir()
    study = Study.make(workspace, folder / "config-home")
    write_study(workspace, MODELS, FOLDS)
    write_pairs(workspace, {f"s{number}": "crossval" for number in range(FOLDS)})
    return study


def trained_s(study: Study, rule: str) -> float:
    """Return how long a job's shell command ran, by Snakemake's own benchmark file."""
    stain_model, fold = rule.removeprefix("rule_train_model_wildcards_").rsplit("_", 1)
    model = stain_model.removeprefix(f"{STAIN}_")
    path = study.results / f"benchmarks/06_train/{STAIN}/{model}/fold-{fold}.tsv"
    return float(pd.read_csv(path, sep="\t")["s"].iloc[0])


def both_taken_s(starts: np.ndarray, ends: np.ndarray) -> float:
    """Return for how many seconds as many jobs ran as there are GPUs."""
    times = np.unique(np.concatenate([starts, ends]))
    running = [((starts <= a) & (ends > a)).sum() for a in times[:-1]]
    return float(np.diff(times)[np.array(running) == GPUS].sum())


def main() -> None:
    reason = obstacle()
    if reason:
        sys.exit(reason)
    # The daemons' folder stands alone: munge wants every folder above its socket open to all.
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as daemons,
    ):
        study = make_study(Path(folder))
        with Cluster(Path(daemons)) as cluster:
            start = time.perf_counter()
            study.start("train", "--set-resources", QUICK_TRAIN_MEMORY).wait(900)
            wall = time.perf_counter() - start
            jobs = cluster.jobs()
        rows = [
            (job["rule"], job["start"], job["end"], trained_s(study, job["rule"])) for job in jobs
        ]
    table = pd.DataFrame(rows, columns=["job", "start", "end", "training_s"])
    first = table["start"].min()
    for column in ("start", "end"):
        table[column] = (table[column] - first).dt.total_seconds()
    table["added_s"] = table["end"] - table["start"] - table["training_s"]
    table["job"] = table["job"].str.removeprefix(f"rule_train_model_wildcards_{STAIN}_")
    print(table.to_string(index=False, float_format="%.1f"))
    busy = both_taken_s(table["start"].to_numpy(), table["end"].to_numpy())
    report = {
        "jobs": len(table),
        "states": sorted({job["state"] for job in jobs}),
        "wall_s": round(wall, 1),
        "sum_of_trainings_s": round(table["training_s"].sum(), 1),
        "sum_of_jobs_s": float((table["end"] - table["start"]).sum()),
        "both_gpus_taken": round(busy / (table["end"].max() or 1), 3),
        "overtaken": int((table["start"].diff() < 0).sum()),
        "added_per_job_s": round(table["added_s"].median(), 1),
        "until_first_start_s": round(wall - table["end"].max(), 1),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
