"""Command: bring one raw volume or slide to the working format and size."""

import argparse

from virtual_staining.ingest.convert_slide import ingest_slide
from virtual_staining.ingest.convert_volume import ingest_volume
from virtual_staining.ingest.pixel_sizes import agree
from virtual_staining.readers.open_raw import open_slide, open_volume
from virtual_staining.runtime import cpu_count
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.ingest import IngestSettings
from virtual_staining.settings.sheet import parse_size


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    actions = parser.add_subparsers(dest="what", required=True)
    volume = actions.add_parser("volume", help="a µCT volume to OME-Zarr")
    volume.add_argument(
        "--volume",
        required=True,
        help="file, folder of slices, file.h5::/path or file.raw::uint16:z,y,x",
    )
    volume.add_argument(
        "--voxel-size-um", default="", help='"5" or "z,y,x"; empty = from the file\'s metadata'
    )
    volume.add_argument("--settings", required=True, help=IngestSettings.argument_help())
    volume.add_argument("--out", required=True, help="OME-Zarr folder to write")
    volume.add_argument("--threads", type=int, default=cpu_count())
    slide = actions.add_parser("slide", help="a stained section to pyramidal OME-TIFF")
    slide.add_argument("--slide", required=True, help="TIFF, SVS, CZI, ND2, PNG, JPEG or alike")
    slide.add_argument("--pixel-size-um", default="", help="empty = from the file's metadata")
    slide.add_argument("--settings", required=True, help=IngestSettings.argument_help())
    slide.add_argument("--out", required=True, help="OME-TIFF to write")


def run(args: argparse.Namespace) -> None:
    """Write one volume or one slide."""
    settings = read_settings(IngestSettings, args.settings).part(args.what)
    if args.what == "volume":
        source = open_volume(args.volume)
        sheet = parse_size(args.voxel_size_um, 3, f"{args.volume}: voxel_size_um")
        size = agree(sheet, source.voxel_size_um, source.name, "voxel_size_um")
        ingest_volume(source, size, settings, args.out, args.threads)
    else:
        slide = open_slide(args.slide)
        sheet = parse_size(args.pixel_size_um, 2, f"{args.slide}: slide_pixel_um")
        size = agree(sheet, slide.pixel_size_um, slide.name, "slide_pixel_um")
        ingest_slide(slide, size, settings.slide_pixel_um, args.out)
