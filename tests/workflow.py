"""Run Snakemake on a private copy of the workflow, as a user would."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "config.yaml", "rules", "workflow_scripts", "envs", "profiles")

# A cohort so coarse that the whole chain takes a minute: it shows that the parts fit, not quality.
TINY = {
    "results": "results",
    "models": ["paired_cyclegan", "pix2pix"],
    "cohort": {
        "stains": {
            "toluidine_blue": {
                "crossval": {"Mg": 2, "Ti": 0, "PEEK": 2},
                "test": {"Mg": 1, "PEEK": 0},
            }
        },
        "voxel_size_um": 60,
        "slide_pixel_um": 30,
        "partial_fraction": 0,
    },
    "ingest": {"voxel_size_um": 75, "slide_pixel_um": 30},
    "split": {"folds": 2},
}


def make_workspace(folder: Path, study: dict) -> Path:
    """Link the workflow's files into a folder and write the study's numbers beside them."""
    for part in PARTS:
        (folder / part).symlink_to(ROOT / part)
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    return folder


def snakemake(folder: Path, *arguments: str, environment: dict | None = None):
    """Run Snakemake in a workspace; return the completed process with its output as text."""
    command = [sys.executable, "-m", "snakemake", *arguments]
    if (folder / "study.yaml").exists():
        command += ["--configfile", "study.yaml"]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
