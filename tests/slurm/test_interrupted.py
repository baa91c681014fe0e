"""Trainings taken away from their GPU: each continues, and ends where it would have ended."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from study import STAIN
from submit import QUICK_TRAIN_MEMORY, Study

from virtual_staining.artefacts.paths import Results

EPOCHS = 80
CASES = {
    "requeued": ("paired_cyclegan", 1),
    "time limit": ("paired_cyclegan", 2),
    "cancelled": ("pix2pix", 1),
    "node failed": ("pix2pix", 2),
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


def undisturbed_weights(study: Study, case: str, folder: Path) -> dict:
    """Train in one go, without Snakemake or SLURM, and return the weights by network."""
    model, fold = CASES[case]
    folder.mkdir()
    for stage in ("03_normalize", "04_mask", "05_split"):
        (folder / stage).symlink_to(study.results / stage)
    options = {
        "--settings": Results(study.results).train_settings(model),
        "--results": folder,
        "--stain": STAIN,
        "--fold": fold,
    }
    words = [str(word) for pair in options.items() for word in pair]
    subprocess.run(
        [sys.executable, "-m", "virtual_staining", "train", *words],
        env=study.environment,
        capture_output=True,
        check=True,
    )
    return weights(Results(folder).trained(STAIN, model, fold).path)


def weights(folder: Path) -> dict:
    """Return the generators' weights of a finished training."""
    generators = torch.load(folder / "generator.pt", weights_only=True)["generators"]
    return {
        f"{network}.{name}": tensor
        for network, state in generators.items()
        for name, tensor in state.items()
    }


def interrupt(case: str, number: str, host: str) -> None:
    """Do to a running job, or to the whole node, what happens on a cluster."""
    commands = {
        "requeued": [("scontrol", "requeue", number)],
        # SLURM looks for jobs over time twice a minute: stopped, this one cannot be done before.
        # It is woken to be asked to end.
        "time limit": [
            ("scancel", "--signal=STOP", number),
            ("scontrol", "update", f"JobId={number}", "EndTime=now"),
        ],
        "cancelled": [("scancel", number)],
        "node failed": [("scontrol", "update", f"NodeName={host}", "State=DOWN", "Reason=test")],
    }
    for command in commands[case]:
        subprocess.run(command, check=True)
    if case == "node failed":  # an error here says that it has come back by itself
        subprocess.run(["scontrol", "update", f"NodeName={host}", "State=RESUME"], check=False)


def train_and_interrupt(cluster, study: Study, cases: set[str]) -> None:
    """Start the trainings and interrupt each as soon as it has trained for some epochs."""
    targets = [
        str((fold_folder(study, case) / "generator.pt").relative_to(study.folder)) for case in cases
    ]
    run = study.start(*targets, "--set-resources", QUICK_TRAIN_MEMORY)
    waiting = set(cases)

    def one_that_trains():
        for case in waiting:
            jobs = cluster.find(study.folder, rule_text(case), "RUNNING")
            if jobs and has_trained(study, case)():
                return case, jobs[0]["number"]
        return None

    while waiting:
        case, number = run.until(one_that_trains, f"epochs of the trainings {waiting}", 150)
        interrupt(case, number, cluster.host)
        waiting.remove(case)
    run.wait(240)


@pytest.mark.workflow
def test_requeue_time_limit_cancel_and_node_failure_change_nothing(cluster, config_home, tmp_path):
    # Of a node that fails nobody is told, so there each step is a checkpoint.
    changes = {"epochs": EPOCHS, "checkpoint_minutes": 0}
    study = Study.with_pairs(tmp_path / "study", config_home, **changes)
    train_and_interrupt(cluster, study, CASES.keys() - {"node failed"})
    train_and_interrupt(cluster, study, {"node failed"})
    expected = {
        case: undisturbed_weights(study, case, tmp_path / case.replace(" ", "-")) for case in CASES
    }

    jobs = cluster.jobs(study.folder)
    by_case = {case: [job for job in jobs if rule_text(case) in job["rule"]] for case in CASES}
    ends = {case: [job["state"] for job in found] for case, found in by_case.items()}
    assert ends == {
        "requeued": ["COMPLETED"],
        "time limit": ["TIMEOUT", "COMPLETED"],
        "cancelled": ["CANCELLED", "COMPLETED"],
        "node failed": ["COMPLETED"],
    }
    assert by_case["requeued"][0]["restarts"] >= 1
    assert by_case["node failed"][0]["restarts"] >= 1
    for case, (model, fold) in CASES.items():
        log = study.results / f"logs/06_train/{STAIN}/{model}/fold-{fold}.log"
        assert "continuing from" in log.read_text(), case
        found = weights(fold_folder(study, case))
        assert found.keys() == expected[case].keys()
        assert all(torch.equal(found[name], expected[case][name]) for name in found), case
