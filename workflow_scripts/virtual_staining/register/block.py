"""``register block``: find the planes of several sections cut parallel from one block."""

import argparse
import logging
from dataclasses import replace
from pathlib import Path

from virtual_staining.artefacts.slide import open_slide_pyramid
from virtual_staining.artefacts.volume import open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.register.block_plane import write_planes
from virtual_staining.register.inputs import check_sizes, read_section, read_volume
from virtual_staining.register.search.block.block_search import search_block
from virtual_staining.register.search.starts import view_vector
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.register import RegisterSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the action's arguments."""
    parser.add_argument("--ct", required=True, help="ingested volume, ct.ome.zarr")
    parser.add_argument(
        "--slides", required=True, nargs="+", help="ingested slides of the block, slide.ome.tif"
    )
    parser.add_argument(
        "--samples", required=True, nargs="+", help="ids of their samples, in the same order"
    )
    parser.add_argument(
        "--orders",
        nargs="*",
        default=[],
        help="places of the sections in the order of cutting, - where unknown (default: all -)",
    )
    parser.add_argument(
        "--view-axis",
        default="",
        help="volume axis along which one looks at the slides: x+, x-, y+, y-, z+ or z-",
    )
    parser.add_argument("--settings", required=True, help=RegisterSettings.argument_help())
    parser.add_argument("--block", required=True, help="name of the block")
    parser.add_argument("--volume", required=True, help="id of the volume")
    parser.add_argument("--out", required=True, type=Path, help="planes.json to write")


def run(args: argparse.Namespace) -> None:
    """Search the block and write the plane of each of its sections."""
    settings = read_settings(RegisterSettings, args.settings).part("block")
    if len(args.slides) != len(args.samples) or len(args.slides) < 2:
        raise InputError(
            f"block {args.block}: slides: {len(args.slides)} for {len(args.samples)} samples; "
            "a block needs two sections or more, and one slide for each"
        )
    if args.orders and len(args.orders) != len(args.slides):
        raise InputError(
            f"block {args.block}: orders: {len(args.orders)} for {len(args.slides)} slides; give "
            "one for each, - where it is unknown"
        )
    levels = open_volume_pyramid(args.ct)
    slides = [open_slide_pyramid(path) for path in args.slides]
    for sample, slide in zip(args.samples, slides, strict=True):
        check_sizes(args.ct, sample, levels, slide, searched=True)
    volume = read_volume(levels, settings)
    orders = [int(text) if text.isdecimal() else None for text in args.orders]
    sections = [
        replace(read_section(levels, volume, settings), order=order)
        for levels, order in zip(slides, orders or [None] * len(slides), strict=True)
    ]
    result = search_block(sections, settings, view_vector(args.view_axis))
    log.info(
        "block %s: axis %s, confidence %.2f, clarity of the face that is up %.2f",
        args.block,
        result.axis.round(3),
        result.confidence,
        result.clarity,
    )
    for sample, in_order in zip(args.samples, result.in_order, strict=True):
        if not in_order:
            log.warning("%s: its depth contradicts the order of block %s", sample, args.block)
    sizes_um = [section.size_um for section in sections]
    write_planes(args.out, args.block, args.volume, args.samples, sizes_um, result)
