"""``levels``: find the grey levels of a scan, by which all its sections are normalized."""

import argparse
import logging
from pathlib import Path

from virtual_staining.artefacts.folders import RegisteredFolder, ScanFolder
from virtual_staining.artefacts.registered_pair import read_registered_pair
from virtual_staining.artefacts.registration_failed import failure_of
from virtual_staining.artefacts.scan_levels import write_scan_levels
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.volume import open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.levels.drawn import DrawnPair
from virtual_staining.levels.measure import measure_levels
from virtual_staining.levels.picture import draw_levels
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.normalize import NormalizeSettings

log = logging.getLogger(__name__)

NOTHING = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--ct", required=True, help="the volume, an ingested OME-Zarr")
    parser.add_argument(
        "--registered",
        nargs="*",
        default=[],
        type=Path,
        help="folders of the registered sections of the volume",
    )
    for side, name in (("the section", "annotations"), ("the registered ct.tif", "annotations-ct")):
        parser.add_argument(
            f"--{name}",
            nargs="*",
            default=[],
            help=f"regions drawn on {side} (QuPath GeoJSON), one file a section, {NOTHING} for "
            "none",
        )
    parser.add_argument("--settings", required=True, help=NormalizeSettings.argument_help())
    parser.add_argument("--out", required=True, type=ScanFolder, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Write ``levels.json`` and a picture of the histogram with the named materials.

    Raises
    ------
    InputError
        If a level is neither drawn nor found.
    """
    settings = read_settings(NormalizeSettings, args.settings).part("levels")
    name = settings.reference_class
    pairs = []
    for number, folder in enumerate(args.registered):
        files = RegisteredFolder(folder)
        if failure_of(files.transform):
            continue
        pair = read_registered_pair(files.ct, files.slide, files.valid, files.transform)
        drawn = [_file_of(given, number) for given in (args.annotations, args.annotations_ct)]
        pairs.append(DrawnPair.read(pair, *drawn, name))
    volume = open_volume_pyramid(args.ct)
    try:
        levels, scan, names = measure_levels(volume, pairs, settings)
    except InputError as error:
        raise InputError(f"{args.ct}: {error}") from error
    write_scan_levels(args.out.levels, levels)
    title = (
        f"{name} {levels.reference:.0f} ({levels.reference_source}), background "
        f"{levels.background:.0f} ({levels.background_source})"
    )
    with replacing(args.out.qc) as path:
        draw_levels(levels, scan, names, title).savefig(path, dpi=110)
    log.info(title)
    for warning in levels.warnings:
        log.warning("%s: %s", args.ct, warning)


def _file_of(given: list[str], number: int) -> str:
    """Return the annotations of one section; empty for none."""
    return "" if number >= len(given) or given[number] == NOTHING else given[number]
