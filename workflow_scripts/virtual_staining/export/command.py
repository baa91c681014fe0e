"""Command: write a stained volume as NRRD or as slices."""

import argparse
from pathlib import Path

from virtual_staining.artefacts.rgba import open_rgba
from virtual_staining.errors import InputError
from virtual_staining.export.forms import write_nrrd, write_slices

FORMS = {"nrrd": write_nrrd, "slices": write_slices}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--volume", required=True, help="the stained volume, rgba.ome.zarr")
    parser.add_argument("--form", required=True, choices=FORMS, help="nrrd: one file; slices: PNG")
    parser.add_argument(
        "--level", type=int, default=0, help="resolution; each level halves it (default: 0, finest)"
    )
    parser.add_argument(
        "--out", required=True, type=Path, help="the .nrrd file, or the folder of the slices"
    )


def run(args: argparse.Namespace) -> None:
    """Write the volume.

    Raises
    ------
    InputError
        If the level does not exist, or a name does not fit its form.
    """
    levels = open_rgba(args.volume)
    if not 0 <= args.level < len(levels):
        raise InputError(
            f"export: --level: {args.volume} has levels 0 to {len(levels) - 1}, not {args.level}"
        )
    if (args.form == "nrrd") != (args.out.suffix.lower() == ".nrrd"):
        raise InputError(
            f"export: --out: {args.out} must end in .nrrd for --form nrrd, and name a folder for "
            "--form slices"
        )
    FORMS[args.form](args.out, levels[args.level])
