"""Command: the correspondence mask of one normalized pair."""

import argparse
import logging
from pathlib import Path

import numpy as np

from virtual_staining.annotations import EXCLUDE
from virtual_staining.errors import InputError
from virtual_staining.files import write_image
from virtual_staining.mask.hull import correspondence, hull, large_pieces, without_wall
from virtual_staining.mask.rigid import rigid_ct, rigid_slide
from virtual_staining.mask.settings import Settings
from virtual_staining.normalize.settings import Settings as Normalize
from virtual_staining.overlay import write_outlines
from virtual_staining.pair import add_pair_arguments, drawn_regions, read_pair
from virtual_staining.settings import from_json

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    add_pair_arguments(parser)
    parser.add_argument("--settings", required=True, help="the `mask` block as JSON")
    parser.add_argument(
        "--normalize", required=True, help="the `normalize` block's levels and class as JSON"
    )
    parser.add_argument("--out", required=True, help="folder for mask.tif and qc.png")


def run(args: argparse.Namespace) -> None:
    """Write the mask and a picture of the two hulls."""
    settings = from_json(Settings, args.settings, "mask")
    normalize = from_json(Normalize, args.normalize, "normalize")
    pair = read_pair(args)
    drawn = drawn_regions(args, pair, normalize.reference_class)
    exclude = drawn.get(EXCLUDE, np.zeros(pair.ct.shape, bool))
    in_ct = rigid_ct(pair.ct, pair.pixel_um, settings, normalize) & pair.valid
    in_slide = rigid_slide(
        pair.slide, in_ct, pair.valid, pair.pixel_um, settings, normalize.reference_class
    )
    pieces = [large_pieces(rigid, pair.pixel_um, settings) for rigid in (in_ct, in_slide)]
    pieces[0] = without_wall(pieces[0], pair.valid)
    hulls = [hull(piece, pair.pixel_um, settings) for piece in pieces]
    mask = correspondence(*hulls, pair.valid, exclude)
    if not mask.any():
        raise InputError(
            f"{args.ct}: no rigid tissue that CT and section share; check the registration, the "
            "normalization and mask.rigid_level"
        )
    out = Path(args.out)
    write_image(out / "mask.tif", mask.astype(np.uint8) * 255, pair.pixel_um)
    outlines = {
        "hull of the CT": (hulls[0], "both"),
        "hull of the section": (hulls[1], "both"),
        "mask": (mask, "both"),
    }
    title = f"mask covers {mask.mean():.0%} of the pair, {exclude.sum()} px excluded by hand"
    write_outlines(out / "qc.png", pair.ct, pair.slide, outlines, title)
    log.info(title)
