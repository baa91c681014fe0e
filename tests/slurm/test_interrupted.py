"""Trainings taken away from their GPU: each continues, and ends where it would have ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import torch
from study import STAIN
from submit import QUICK_TRAIN_MEMORY, Study

EPOCHS = 40
CASES = {
    "requeued": ("paired_cyclegan", 1),
    "time limit": ("paired_cyclegan", 2),
    "cancelled": ("pix2pix", 1),
}


def fold_folder(study: Study, case: str) -> Path:
    model, fold = CASES[case]
    return study.results / f"06_train/{STAIN}/{model}/fold-{fold}"


def rule_text(case: str) -> str:
    """Return what SLURM's comment on a training's job holds."""
    model, fold = CASES[case]
    return f"rule_train_model_wildcards_{STAIN}_{model}_{fold}"


def has_trained(study: Study, case: str):
    """Return a condition: some epochs are done, more are to come."""
    history = fold_folder(study, case) / "history.csv"
    return lambda: history.exists() and len(history.read_text().splitlines()) > 3


def training_process(study: Study, case: str) -> int:
    """Return the number of the process that trains."""
    model, fold = CASES[case]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
            here = Path(os.readlink(path.parent / "cwd")) == study.folder
        except OSError:
            continue
        is_training = words[1:4] == ["-m", "virtual_staining", "train"]
        if here and is_training and str(fold) in words and any(model in word for word in words):
            return int(path.parent.name)
    raise AssertionError(f"no training of {model}, fold {fold}")


def undisturbed_weights(study: Study, case: str, folder: Path) -> dict:
    """Train in one go, without Snakemake or SLURM, and return the weights by network."""
    model, fold = CASES[case]
    results = study.results
    options = {
        "--settings": results / f"06_train/{STAIN}/{model}/settings.json",
        "--folds": results / f"05_split/{STAIN}/folds.json",
        "--fold": fold,
        "--normalize-dir": results / "03_normalize",
        "--mask-dir": results / "04_mask",
        "--resume-dir": folder / "resume",
        "--out": folder,
    }
    words = [str(word) for pair in options.items() for word in pair]
    subprocess.run(
        [sys.executable, "-m", "virtual_staining", "train", *words],
        env=study.environment,
        capture_output=True,
        check=True,
    )
    return weights(folder)


def weights(folder: Path) -> dict:
    """Return the generators' weights of a finished training."""
    generators = torch.load(folder / "generator.pt", weights_only=True)["generators"]
    return {
        f"{network}.{name}": tensor
        for network, state in generators.items()
        for name, tensor in state.items()
    }


def test_requeue_time_limit_and_cancel_change_nothing(cluster, whole, tmp_path):
    study = whole.prepared_copy(tmp_path / "study", epochs=EPOCHS)
    targets = [
        str((fold_folder(study, case) / "generator.pt").relative_to(study.folder)) for case in CASES
    ]
    first = len(cluster.jobs())
    run = study.start(*targets, "--set-resources", "train_model:runtime=1", QUICK_TRAIN_MEMORY)

    def job(case):
        return next(job for job in cluster.find(rule_text(case), "RUNNING"))["number"]

    # Frozen, so that it is not done before the minute of its limit has passed.
    run.until(has_trained(study, "time limit"), "epochs before the time limit")
    frozen = training_process(study, "time limit")
    os.kill(frozen, signal.SIGSTOP)
    run.until(has_trained(study, "requeued"), "epochs before the requeue")
    subprocess.run(["scontrol", "requeue", job("requeued")], check=True)
    run.until(has_trained(study, "cancelled"), "epochs before the cancel", seconds=120)
    subprocess.run(["scancel", job("cancelled")], check=True)
    run.until(lambda: not cluster.find(rule_text("time limit"), "RUNNING"), "the limit", 150)
    os.kill(frozen, signal.SIGCONT)  # it finds SLURM's SIGTERM waiting
    expected = {
        case: undisturbed_weights(study, case, tmp_path / case.replace(" ", "-")) for case in CASES
    }
    run.wait(200)

    jobs = cluster.jobs()[first:]
    ends = {
        case: [(job["state"], job["restarts"]) for job in jobs if rule_text(case) in job["rule"]]
        for case in CASES
    }
    assert ends == {
        "requeued": [("COMPLETED", 1)],
        "time limit": [("TIMEOUT", 0), ("COMPLETED", 0)],
        "cancelled": [("CANCELLED", 0), ("COMPLETED", 0)],
    }
    for case, (model, fold) in CASES.items():
        log = study.results / f"logs/06_train/{STAIN}/{model}/fold-{fold}.log"
        if case != "time limit":  # frozen, it may be ended before it could write a checkpoint
            assert "continuing from" in log.read_text(), case
        found = weights(fold_folder(study, case))
        assert found.keys() == expected[case].keys()
        assert all(torch.equal(found[name], expected[case][name]) for name in found), case
