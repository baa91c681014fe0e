"""``normalize``: bring one registered pair to common grey and colour levels (paper 2.5)."""

import argparse
import logging

import numpy as np

from virtual_staining.artefacts.folders import NormalizedFolder
from virtual_staining.artefacts.pair import write_normalized_pair
from virtual_staining.artefacts.registered_pair import (
    RegisteredPair,
    drawn_polygons,
    drawn_regions,
    read_registered_pair,
)
from virtual_staining.artefacts.registration_failed import pass_on_failure
from virtual_staining.artefacts.scan_levels import ScanLevels, read_scan_levels
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.errors import InputError
from virtual_staining.imaging.pictures import draw_outlines
from virtual_staining.normalize.drawn_check import check_drawn
from virtual_staining.normalize.normalization import Regions, choose_regions, normalize_pair
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.sheet import insists

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    parser.add_argument("--ct", required=True, help="CT in the section's plane (ct.tif)")
    parser.add_argument("--slide", required=True, help="section (slide.tif)")
    parser.add_argument(
        "--valid",
        required=True,
        help="where both images hold data (valid.tif)",
    )
    parser.add_argument("--transform", required=True, help="transform.json of the registration")
    parser.add_argument("--annotations", default="", help="drawn regions (QuPath GeoJSON)")
    parser.add_argument(
        "--annotations-ct", default="", help="regions drawn on the registered ct.tif (GeoJSON)"
    )
    parser.add_argument(
        "--levels",
        default="",
        help="levels.json of the pair's whole scan (default: levels of the pair's own regions)",
    )
    parser.add_argument("--settings", required=True, help=NormalizeSettings.argument_help())
    parser.add_argument("--out", required=True, help="folder for the normalized pair")


def run(args: argparse.Namespace) -> None:
    """Write the normalized pair, what was measured, and a picture of the measured regions."""
    settings = read_settings(NormalizeSettings, args.settings).part("normalize")
    out = NormalizedFolder(args.out)
    if pass_on_failure(args.transform, (out.ct, out.slide, out.qc), out.stats):
        return
    pair = read_registered_pair(args.ct, args.slide, args.valid, args.transform)
    scan = read_scan_levels(args.levels) if args.levels else None
    try:
        regions = _regions(args, pair, settings, scan)
        ct, slide, stats = normalize_pair(pair.ct, pair.slide, regions, settings, scan)
    except InputError as error:
        drawn = tuple(filter(None, (args.annotations, args.annotations_ct)))
        if str(error).startswith(tuple(name.removesuffix("!") for name in drawn)):
            raise
        raise InputError(f"{args.ct}: {error}") from error
    write_normalized_pair(out, ct, slide, pair.pixel_um, stats)
    title = (
        f"{settings.reference_class} {stats.ct.bone_mean_before:.0f} "
        f"({stats.roi.reference_source}), background {stats.ct.background_mean_before:.0f} "
        f"({stats.roi.background_source}), slide bounds {stats.slide.f_min:.0f} to "
        f"{stats.slide.f_max:.0f}"
    )
    clipped = max(part["any"] for part in stats.slide.clipped_fraction.values())
    title += f", at most {clipped:.1%} of a tissue clipped"
    outlines = {
        settings.reference_class: (regions.reference, "both"),
        "background (section)": (regions.background, "slide"),
        "background (CT)": (regions.ct_background, "ct"),
        "new bone (section)": (regions.new_bone, "slide"),
    }
    with replacing(out.qc) as path:
        draw_outlines(ct, slide, outlines, title).savefig(path, dpi=110)
    log.info(title)
    for warning in stats.warnings:
        log.warning("%s: %s", args.slide, warning)


def _regions(
    args: argparse.Namespace,
    pair: RegisteredPair,
    settings: NormalizeSettings,
    scan: ScanLevels | None,
) -> Regions:
    """Choose the regions, and compare each drawn polygon with what the automatic search finds."""
    name = settings.reference_class
    sides = {False: args.annotations, True: args.annotations_ct}  # drawn on the CT?
    drawn, drawn_ct = (drawn_regions(sides[on], pair, name, on) for on in (False, True))

    def compare(usable: np.ndarray, found: tuple[np.ndarray, np.ndarray] | None) -> None:
        for on_ct, annotations in sides.items():
            polygons = drawn_polygons(annotations, pair, name, on_ct)
            check_drawn(polygons, pair, usable, found, name, on_ct, insists(annotations))

    return choose_regions(
        pair.ct, pair.slide, pair.valid, pair.pixel_um, drawn, settings, drawn_ct, compare, scan
    )
