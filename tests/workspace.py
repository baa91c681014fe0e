"""Run Snakemake on a private copy of the workflow, as a user would."""

import os
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "config.yaml", "rules", "workflow_scripts", "envs", "profiles")

# A cohort and networks so coarse that the whole chain takes a minute or two: they show that the
# parts fit, not quality.
TILES = {"patch_px": 32, "step_px": 32}
DRAW = {"page_voxels": 50, "picture_px": 100, "turntable_frames": 1}
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
    "register": {"mode": "initial_pose", "fan_starts": 512, "unsure": "keep"},
    "split": {"folds": 2},
    "train": {
        "epochs": 2,
        "patches_per_pair": 4,
        "validation_patches_per_pair": 2,
        "batch": 2,
        "patch_px": 32,
        "features": 4,
        "residual_blocks": 1,
        "unet_depth": 5,
    },
    "infer": {**TILES, "training_patches": 2},
    "evaluate": {**TILES, "lpips": False, "bootstrap_resamples": 50},
    "figures": {"roi_px": 20, "patches": 2, "dpi": 50},
    "stain": TILES,
    "draw": DRAW,
}


def make_workspace(folder: Path, study: dict) -> Path:
    """Link the workflow's files into a folder and write a study's numbers, if any, beside them."""
    for part in PARTS:
        (folder / part).symlink_to(ROOT / part)
    if study:
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
        encoding="utf-8",
        check=False,
    )
