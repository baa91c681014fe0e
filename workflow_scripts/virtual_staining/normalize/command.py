"""Command: normalize one registered pair."""

import argparse
import logging
from pathlib import Path

from virtual_staining.artefacts.registration import drawn_regions, read_registered_pair
from virtual_staining.artefacts.storage.atomic import replacing, write_json
from virtual_staining.artefacts.storage.image import write_image
from virtual_staining.errors import InputError
from virtual_staining.imaging.pictures import draw_outlines
from virtual_staining.normalize.normalization import choose_regions, normalize_pair
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.normalize import NormalizeSettings

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    parser.add_argument("--ct", required=True, help="CT plane (ct.tif)")
    parser.add_argument("--slide", required=True, help="section (slide.tif)")
    parser.add_argument("--valid", required=True, help="where both hold data (valid.tif)")
    parser.add_argument("--transform", required=True, help="transform.json of the registration")
    parser.add_argument("--annotations", default="", help="QuPath GeoJSON; may be left out")
    parser.add_argument("--settings", required=True, help=NormalizeSettings.argument_help())
    parser.add_argument("--out", required=True, help="folder for ct.tif, slide.tif, stats, qc.png")


def run(args: argparse.Namespace) -> None:
    """Write the normalized pair, its statistics and a picture of the regions."""
    settings = read_settings(NormalizeSettings, args.settings)
    pair = read_registered_pair(args.ct, args.slide, args.valid, args.transform)
    try:
        drawn = drawn_regions(args.annotations, pair, settings.reference_class)
        regions = choose_regions(pair.ct, pair.slide, pair.valid, pair.pixel_um, drawn, settings)
        ct, slide, stats = normalize_pair(pair.ct, pair.slide, regions, settings)
    except InputError as error:
        raise InputError(f"{args.ct}: {error}") from error
    out = Path(args.out)
    write_image(out / "ct.tif", ct, pair.pixel_um)
    write_image(out / "slide.tif", slide, pair.pixel_um)
    write_json(out / "stats.json", stats)
    roi, grey, colour = stats["roi"], stats["ct"], stats["slide"]
    title = (
        f"{settings.reference_class} {grey['bone_mean_before']:.0f} ({roi['reference_source']}), "
        f"background {grey['background_mean_before']:.0f} ({roi['background_source']}), "
        f"slide bounds {colour['f_min']:.0f} to {colour['f_max']:.0f}"
    )
    outlines = {
        settings.reference_class: (regions.reference, "both"),
        "background (section)": (regions.background, "slide"),
        "background (CT)": (regions.ct_background, "ct"),
    }
    with replacing(out / "qc.png") as path:
        draw_outlines(ct, slide, outlines, title).savefig(path, dpi=110)
    log.info(title)
