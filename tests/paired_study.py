"""A study whose pairs lie there already and whose raw files are gone, so that folds come next."""

import dataclasses
from pathlib import Path

import yaml
from train_cases import make_pair, write_pair
from workspace import TINY

from virtual_staining.artefacts.paths import Results

STAIN = "toluidine_blue"
COLUMNS = ("sample", "volume", "slide", "stain", "material", "role")
COLUMNS += ("voxel_size_um", "slide_pixel_um")


def write_pairs(workspace: Path, roles: dict[str, str]) -> None:
    """Write the sheet, the registrations' table and the pairs of samples (id to role)."""
    results = workspace / "results"
    (results / "02_register").mkdir(parents=True, exist_ok=True)
    rows, sure = ["\t".join(COLUMNS)], ["sample,unsure"]
    for seed, (sample, role) in enumerate(roles.items()):
        rows.append(f"{sample}\t{sample}.mha\t{sample}.tif\t{STAIN}\tMg\t{role}\t5\t1")
        sure.append(f"{sample},False")
        if (results / f"04_mask/{sample}").exists():
            continue
        pair = dataclasses.replace(make_pair(seed), sample=sample)
        write_pair(Results(results), pair, 75.0)
    (workspace / "samples.tsv").write_text("\n".join(rows) + "\n")
    (results / "02_register/registration.csv").write_text("\n".join(sure) + "\n")
    (results / "02_register/qc.html").write_text("nothing to see\n")


def write_study(workspace: Path, models: tuple[str, ...], folds: int, **train) -> None:
    """Write ``study.yaml``: the tiny study's numbers with the sheet above, trained for an epoch.

    ``train`` changes keys of the block of that name.
    """
    changes = {"samples": "samples.tsv", "models": list(models), "split": {"folds": folds}}
    changes["register"] = {**TINY["register"], "mode": "auto"}  # the sheet names no poses
    changes["stain"] = {**TINY["stain"], "model": models[0]}
    changes["train"] = {**TINY["train"], "epochs": 1, "buffer_images": 3, **train}
    (workspace / "study.yaml").write_text(yaml.safe_dump({**TINY, **changes}))
