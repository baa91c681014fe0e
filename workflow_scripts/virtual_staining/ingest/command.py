"""``python -m virtual_staining ingest``: convert one raw volume or slide to the working format."""

import argparse
from dataclasses import replace
from pathlib import Path

from virtual_staining.ingest.convert_slide import ingest_slide
from virtual_staining.ingest.convert_volume import ingest_volume
from virtual_staining.readers.open_raw import open_slide, open_volume
from virtual_staining.readers.pixel_sizes import slide_size, volume_size
from virtual_staining.readers.unchanged import files_state, reading_unchanged
from virtual_staining.runtime import cpu_count
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.ingest import IngestSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``volume`` and ``slide``."""
    actions = parser.add_subparsers(dest="what", required=True)
    volume = actions.add_parser(
        "volume",
        help="convert a µCT volume to OME-Zarr",
        description="Read a µCT volume plane by plane, scale the grey levels to 16 bits, resample "
        "to cubic voxels of the working size and write an OME-Zarr with all resolutions.",
    )
    volume.add_argument(
        "--volume",
        required=True,
        help="the raw volume, as in the sample sheet: a file, a folder of slices, "
        "file.h5::/path/in/file or file.raw::uint16:z,y,x",
    )
    volume.add_argument(
        "--voxel-size-um",
        default="",
        help="voxel size in µm, one number or three as z,y,x, with a last ! to overrule the file's "
        "(default: the size in the file)",
    )
    volume.add_argument("--settings", required=True, help=IngestSettings.argument_help())
    volume.add_argument("--out", required=True, help="OME-Zarr folder to write")
    volume.add_argument(
        "--threads", type=int, default=cpu_count(), help="CPU threads (default: all CPUs)"
    )
    slide = actions.add_parser(
        "slide",
        help="convert the image of a stained section to OME-TIFF",
        description="Read the slide of a stained section row by row, turn the slide upright, "
        "average to the working pixel size and write a pyramidal OME-TIFF.",
    )
    slide.add_argument(
        "--slide", required=True, help="the raw slide: TIFF, SVS, CZI, ND2, PNG, JPEG …"
    )
    slide.add_argument(
        "--pixel-size-um",
        default="",
        help="pixel size in µm, with a last ! to overrule the file's (default: the file's)",
    )
    slide.add_argument("--settings", required=True, help=IngestSettings.argument_help())
    slide.add_argument("--out", required=True, help="OME-TIFF to write")


def run(args: argparse.Namespace) -> None:
    """Write one volume or one slide."""
    settings = read_settings(IngestSettings, args.settings).part(args.what)
    path = Path((args.volume if args.what == "volume" else args.slide).partition("::")[0])
    before = files_state(path) if path.exists() else {}
    if args.what == "volume":
        source = open_volume(args.volume)
        unchanged = reading_unchanged(source.read, source.shape[0], path, before)
        source = replace(source, read=unchanged)
        size = volume_size(source, args.voxel_size_um)
        ingest_volume(source, size, settings, args.out, args.threads)
    else:
        slide = open_slide(args.slide)
        unchanged = reading_unchanged(slide.read, slide.shape[0], path, before)
        slide = replace(slide, read=unchanged)
        size = slide_size(slide, args.pixel_size_um)
        ingest_slide(slide, size, settings.slide_pixel_um, args.out)
