"""Lay down a folder for a study of one's own: a sample sheet and the few settings people change."""

import json
import re
import shlex
import sys
from pathlib import Path

from virtual_staining.errors import InputError

SHEET = "samples.tsv"
CONFIG = "config.yaml"
PLAIN = re.compile(r"[\w./~+-]+")  # a path that YAML and the shell take without quotation marks
UNUSABLE = re.compile(r"[\x00-\x1f{}<>]")  # Snakemake would take them for wildcards
COLUMNS = (
    "sample",
    "volume",
    "slide",
    "stain",
    "role",
    "voxel_size_um",
    "slide_pixel_um",
)
ROWS = (
    ("Mg-01", "ct/Mg-01", "slides/Mg-01.svs", "toluidine_blue", "crossval", "1.2", "0.88"),
    ("Ti-01", "ct/Ti-01.h5::/entry/data", "slides/Ti-01.czi", "toluidine_blue", "test", "", ""),
)
# What people change first; every other key keeps the value of the repository's config.yaml.
SETTINGS = """# The settings of this study; the repository's config.yaml explains every key.
samples: {samples} # your volumes and slides: the rows there are examples
results: {results} # may lie on a data disk

ingest:
  voxel_size_um: 5 # working voxels, near the scan's; coarser where volumes are too large
register:
  section_thickness_um: 40 # of the stained sections
normalize:
  reference_class: Bone # Tissue for specimens without bone
# With fewer than five samples only pairs are made, until you choose a smaller number of folds here:
# split:
#   folds: 3
models: [paired_cyclegan, pix2pix] # the paper also has cyclegan, cyclegan_inverted
"""
NEXT = """{folder} is ready:
  1. replace the rows of {folder}/samples.tsv by your own (paths are relative to that file)
  2. python -m virtual_staining check {typed}/samples.tsv --config {typed}/config.yaml
     says in seconds what was understood and what would be refused
  3. snakemake pairs --profile profiles/local --configfile {typed}/config.yaml
     finds the sections in their volumes; {folder}/results/02_register/qc.html shows them
  4. the same without the word pairs does the rest
`source .venv/bin/activate` lets the shell find these programs."""


def new_project(folder: Path) -> str:
    """Write a sample sheet with two example rows, and a configuration.

    Parameters
    ----------
    folder : Path
        Folder to lay down; made where it is missing.

    Returns
    -------
    str
        What to do next.

    Raises
    ------
    InputError
        If the folder's name cannot be that of a study, the folder cannot be made, or one of the
        files is already there: nothing is overwritten.
    """
    if UNUSABLE.search(str(folder)):
        raise InputError(f"{folder}: a folder of a study has no braces and no <…>; choose another")
    for name in (SHEET, CONFIG):
        if (folder / name).exists():
            raise InputError(f"{folder / name}: is already there; nothing was written")
    lines = ["\t".join(row) for row in (COLUMNS, *ROWS)]
    settings = SETTINGS.format(samples=_yaml(folder / SHEET), results=_yaml(folder / "results"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / SHEET).write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / CONFIG).write_text(settings, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{folder}: cannot be made a study's folder ({error.strerror})") from error
    return NEXT.format(folder=folder, typed=shlex.quote(str(folder)))


def _yaml(path: Path) -> str:
    """Return a path as YAML reads it back."""
    plain = PLAIN.fullmatch(str(path)) and not str(path).startswith(("~", "-", "."))
    return str(path) if plain else json.dumps(str(path), ensure_ascii=False)


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1]:
        sys.exit("usage: make new-project DIR=folder")
    try:
        print(new_project(Path(sys.argv[1])))
    except InputError as error:
        sys.exit(f"error: {error}")
