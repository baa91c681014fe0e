"""``mask``: outline where CT and section of a normalized pair show the same tissue (paper 2.8)."""

import argparse
import logging

import numpy as np

from virtual_staining.artefacts.pair import write_mask
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration import (
    RegisteredPair,
    drawn_regions,
    read_registered_pair,
)
from virtual_staining.artefacts.registration_failed import pass_on_failure
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.errors import InputError
from virtual_staining.imaging.pictures import draw_outlines
from virtual_staining.imaging.tissue.classes import Tissue, lost_pieces, tissue_classes
from virtual_staining.imaging.tissue.hull import correspondence, hull, large_pieces, without_wall
from virtual_staining.imaging.tissue.rigid import completed, opaque_implant, rigid_ct, rigid_slide
from virtual_staining.readers.annotations import EXCLUDE
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

log = logging.getLogger(__name__)

LOST_LIMIT = 0.05  # fraction of the section's implant outside the mask above which a warning is due


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )
    parser.add_argument("--sample", required=True, help="id of a normalized sample")
    parser.add_argument("--annotations", default="", help="drawn regions (QuPath GeoJSON)")
    parser.add_argument(
        "--annotations-ct", default="", help="regions drawn on the registered ct.tif (GeoJSON)"
    )
    parser.add_argument("--settings", required=True, help=MaskSettings.argument_help())
    parser.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())


def run(args: argparse.Namespace) -> None:
    """Write the mask, the tissue classes and a picture of the two hulls."""
    settings = read_settings(MaskSettings, args.settings).part("mask")
    normalize = read_settings(NormalizeSettings, args.normalize).part("mask")
    registered = args.results.registered(args.sample)
    normalized, out = args.results.normalized(args.sample), args.results.mask(args.sample)
    if pass_on_failure(registered.transform, (out.mask, out.tissue, out.qc), stats=None):
        return
    pair = read_registered_pair(
        normalized.ct, normalized.slide, registered.valid, registered.transform
    )
    exclude = np.zeros(pair.ct.shape, bool)
    for annotations, on_ct in ((args.annotations, False), (args.annotations_ct, True)):
        drawn = drawn_regions(annotations, pair, normalize.reference_class, on_ct)
        exclude |= drawn.get(EXCLUDE, exclude)
    implant = opaque_implant(pair.slide, pair.valid, pair.pixel_um, settings)
    hulls = tissue_hulls(pair, implant, settings, normalize)
    mask = correspondence(*hulls, pair.valid, exclude)
    if not mask.any():
        raise InputError(
            f"{normalized.ct}: no rigid tissue that CT and section share; check the registration, "
            "the normalization and mask.rigid_level"
        )
    classes = tissue_classes(
        pair.ct, pair.slide, mask, pair.valid, pair.pixel_um, settings, normalize
    )
    lost = lost_pieces(classes, pair.ct, pair.pixel_um, settings, normalize)
    mask, classes[lost | exclude] = mask & ~lost, Tissue.UNKNOWN
    write_mask(out, mask, classes, pair.pixel_um)
    outlines = {
        "hull of the CT": (hulls[0], "both"),
        "hull of the section": (hulls[1], "both"),
        "mask": (mask, "both"),
    }
    title = (
        f"mask covers {mask.mean():.0%} of the pair; left out: {lost.sum()} px of bone that the "
        f"section has lost, {exclude.sum()} px by hand"
    )
    with replacing(out.qc) as path:
        draw_outlines(pair.ct, pair.slide, outlines, title).savefig(path, dpi=110)
    log.info(title)
    missed = (implant & ~mask & ~exclude).sum() / max(implant.sum(), 1)
    if missed > LOST_LIMIT:
        log.warning(
            "%s: the mask leaves out %.0f %% of the implant that the section shows; check qc.png",
            normalized.slide, 100 * missed,
        )  # fmt: skip


def tissue_hulls(
    pair: RegisteredPair,
    implant: np.ndarray,
    settings: MaskSettings,
    normalize: NormalizeSettings,
) -> list[np.ndarray]:
    """Return the hulls of the rigid tissue in the CT and on the section, bool (y, x) each.

    Parameters
    ----------
    pair : RegisteredPair
        The normalized pair.
    implant : ndarray, shape (y, x), bool
        The implant that the section shows.
    settings : MaskSettings
    normalize : NormalizeSettings
        The levels that the pair was normalized to.
    """
    in_ct = rigid_ct(pair.ct, pair.pixel_um, settings, normalize) & pair.valid
    in_ct = completed(in_ct, implant)
    in_slide = rigid_slide(
        pair.slide, in_ct, pair.valid, pair.pixel_um, settings, normalize.reference_class
    )
    pieces = [large_pieces(rigid, pair.pixel_um, settings) for rigid in (in_ct, in_slide)]
    pieces[0] = without_wall(pieces[0], pair.valid, pair.pixel_um)
    return [hull(piece, pair.pixel_um, settings) for piece in pieces]
