"""``register block``: find the planes of several sections cut parallel from one block."""

import argparse
import logging
from pathlib import Path

from virtual_staining.artefacts import slide as slides
from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.storage.atomic import write_json
from virtual_staining.errors import InputError
from virtual_staining.register.inputs import load_member, load_volume
from virtual_staining.register.search.block_search import BlockFound, search_block
from virtual_staining.register.search.starts import view_vector
from virtual_staining.register.similarity import pose as poses
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's arguments."""
    parser.add_argument("--ct", required=True, help="ingested volume, ct.ome.zarr")
    parser.add_argument("--slides", required=True, nargs="+", help="ingested sections")
    parser.add_argument("--samples", required=True, nargs="+", help="their samples' ids")
    parser.add_argument("--view-axis", default="", help="x+, x-, y+, y-, z+ or z-, if known")
    parser.add_argument("--settings", required=True, help=RegisterSettings.argument_help())
    parser.add_argument("--block", required=True, help="name of the block")
    parser.add_argument("--volume", required=True, help="id of the volume")
    parser.add_argument("--out", required=True, type=Path, help="planes.json to write")


def run(args: argparse.Namespace) -> None:
    """Write the plane of every section of the block."""
    settings = read_settings(RegisterSettings, args.settings).part("block")
    if len(args.slides) != len(args.samples) or len(args.slides) < 2:
        raise InputError(
            f"block {args.block}: slides: {len(args.slides)} for {len(args.samples)} samples; "
            "a block needs two sections or more, and one slide for each"
        )
    volumes, air = load_volume(omezarr.open_volume_pyramid(args.ct), settings)
    members = [
        load_member(slides.open_slide_pyramid(slide), volumes, air, settings)
        for slide in args.slides
    ]
    found = search_block(members, settings, view_vector(args.view_axis))
    log.info(
        "block %s: axis %s, confidence %.2f, of the side that is up %.2f",
        args.block,
        found.axis.round(3),
        found.confidence,
        found.clarity,
    )
    sections = {
        sample: {
            "slide_to_volume": poses.to_map(section.pose, one.size_um).to_dict(),
            "mutual_information": section.mutual_information,
            "margin": section.margin,
            "agreeing": section.agreeing,
            "confidence": section.confidence,
        }
        for sample, section, one in zip(args.samples, found.sections, members, strict=True)
    }
    write_json(args.out, {**describe(found, args), "sections": sections})


def describe(found: BlockFound, args: argparse.Namespace) -> dict:
    """Return what holds for the block as a whole."""
    return {
        "block": args.block,
        "volume": args.volume,
        "axis": found.axis.tolist(),
        "margin": found.margin,
        "agreeing": found.agreeing,
        "searches": found.searches,
        "confidence": found.confidence,
        "clarity": found.clarity,
    }
