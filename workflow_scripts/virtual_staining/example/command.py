"""``python -m virtual_staining example``: bring the example's data and write its sample sheet."""

import argparse
import logging
from pathlib import Path

import pandas as pd

from virtual_staining.artefacts.storage.atomic import read_json, replacing, write_json
from virtual_staining.errors import InputError
from virtual_staining.example.anchoring import anchoring_to_pose
from virtual_staining.example.downloads import PLANES, VOLUME, download, find_sections

log = logging.getLogger(__name__)

VOXEL_UM = 100.0
TEST_EVERY = 6  # every sixth section is held out for testing, starting with the fourth


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--data", type=Path, help="folder with the files; default: download them")
    parser.add_argument("--sections", type=int, default=0, help="use only so many; 0: all")
    parser.add_argument("--out", type=Path, required=True, help="folder for sheet and poses")


def run(args: argparse.Namespace) -> None:
    """Write ``samples.tsv`` and one initial pose per section."""
    data = args.data
    if data is None:
        data = args.out / "download"
        download(data)
    names = find_sections(data)
    if args.sections:
        step = max(1, len(names) // args.sections)
        names = names[::step][: args.sections]
    planes = {item["filename"]: item for item in read_json(data / PLANES)["slices"]}
    rows = []
    for index, name in enumerate(names):
        if name not in planes:
            raise InputError(f"{data / PLANES}: holds no plane for {name}")
        plane = planes[name]
        pose, pixel_um = anchoring_to_pose(plane["anchoring"], (plane["width"], plane["height"]))
        sample = Path(name).stem.rsplit("_", 1)[-1]
        write_json(args.out / "poses" / f"{sample}.json", pose)
        rows.append(
            {
                "sample": sample,
                "volume": str((data / VOLUME).resolve()),
                "slide": str((data / "sections" / name).resolve()),
                "stain": "dab",
                "material": "brain",
                # The sections come from another animal than the tomogram, which all samples share:
                # a section is its own group, or no fold could be made.
                "group": sample,
                "role": "test" if index % TEST_EVERY == 3 else "crossval",
                "voxel_size_um": VOXEL_UM,
                "slide_pixel_um": round(pixel_um, 4),
                "initial_pose": f"poses/{sample}.json",
                "volume_id": "brain",
            }
        )
    sheet = args.out / "samples.tsv"
    text = pd.DataFrame(rows).to_csv(sep="\t", index=False)
    # An unchanged sheet keeps its age, so that nothing is computed again.
    if not sheet.is_file() or sheet.read_text() != text:
        with replacing(sheet) as temporary:
            temporary.write_text(text)
    log.info("%s: %d sections of one brain", sheet, len(rows))
