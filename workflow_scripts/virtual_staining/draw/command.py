"""Command: draw one stained volume."""

import argparse
import logging

import numpy as np

from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registration_failed import failure_of
from virtual_staining.artefacts.registration_place import read_pair_grid
from virtual_staining.artefacts.rgba import open_rgba, open_uncertainty, rgba_scaling
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.storage.image import read_image
from virtual_staining.artefacts.volume import VolumeLevel, level_for_pixels, open_volume_pyramid
from virtual_staining.draw.cast import cast
from virtual_staining.draw.fields import fields_of
from virtual_staining.draw.orthogonal import CutSection, NormalizedCt, orthogonal_figure
from virtual_staining.draw.page_file import DrawnSection, write_page
from virtual_staining.draw.pictures import render_figure, write_turntable
from virtual_staining.draw.scene import camera_to, main_axis, wedge_of
from virtual_staining.draw.volume import load_volume, shades
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import PlaneGrid
from virtual_staining.imaging.oblique import cut_plane
from virtual_staining.models.catalogue import model_name
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.draw import DrawSettings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

log = logging.getLogger(__name__)

SLICE_PX = 2000  # orthogonal slices come from a level no larger
TURNTABLE_PX = 480


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )
    parser.add_argument("--stain", required=True, help="stain of the volume")
    parser.add_argument("--model", required=True, help="model that stained it")
    parser.add_argument("--volume", required=True, help="id of the volume")
    parser.add_argument(
        "--sections", nargs="*", default=[], help="samples whose sections to show in the volume"
    )
    parser.add_argument("--settings", required=True, help=DrawSettings.argument_help())
    parser.add_argument("--mask", required=True, help=MaskSettings.argument_help())
    parser.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")


def run(args: argparse.Namespace) -> None:
    """Write ``orthogonal.png``, ``render.png``, ``turntable.gif`` and ``volume.html``."""
    settings = read_settings(DrawSettings, args.settings).part("draw")
    out = args.results.drawn_volume(args.stain, args.model, args.volume)
    zarr = args.results.stained_volume(args.stain, args.model, args.volume).zarr
    stained, ct = open_rgba(zarr), open_volume_pyramid(args.results.volume(args.volume))
    if stained[0].array.shape[1:] != ct[0].array.shape:
        raise InputError(
            f"{zarr}: {stained[0].array.shape[1:]} voxels (z, y, x) do not fit the CT's "
            f"{ct[0].array.shape}; stain the volume again"
        )
    normalize = read_settings(NormalizeSettings, args.normalize).part("stain")
    volume = load_volume(
        stained,
        ct,
        rgba_scaling(zarr),
        settings.page_voxels,
        read_settings(MaskSettings, args.mask).part("stain"),
        normalize,
        open_uncertainty(zarr),
    )
    sections = [
        cut_section(args.results, sample, stained, ct, volume.ct_window, args.threads)
        for sample in args.sections
        if not failure_of(args.results.registered(sample).transform)
    ]
    title = f"{args.volume}, {args.stain.replace('_', ' ')}, {model_name(args.model)}"
    fields = fields_of(volume)
    wedge = wedge_of(volume, sections[0].place if sections else None)
    camera = camera_to(volume, wedge)
    picture = cast(fields, camera, wedge, settings.picture_px, args.threads)
    with replacing(out.render) as path:
        figure = render_figure(picture, camera, volume.voxel_um, title, settings.picture_px)
        figure.savefig(path)
    fitting = [x for x in stained if max(x.array.shape) <= SLICE_PX] or stained[-1:]
    with replacing(out.orthogonal) as path:
        middle_um = main_axis(volume)[0] * volume.voxel_um
        level, grey = fitting[0], ct[stained.index(fitting[0])].array
        levels = NormalizedCt(grey, rgba_scaling(zarr), normalize)
        colours = level.array, level.voxel_size_um
        orthogonal_figure(*colours, middle_um, sections, levels).savefig(path)
    with replacing(out.turntable) as path:
        frames = settings.turntable_frames
        write_turntable(path, volume, fields, wedge, frames, TURNTABLE_PX, args.threads)
    drawn = [
        DrawnSection(s.name, s.real, PlaneGrid(s.real.shape[:2], s.pixel_um, s.place))
        for s in sections
    ]
    write_page(out.page, volume, drawn, title, picture)
    log.info("%s: %.1f MB", out.page, out.page.stat().st_size / 1e6)


def cut_section(
    results: Results,
    sample: str,
    stained: list[VolumeLevel],
    ct: list[VolumeLevel],
    ct_window: tuple[float, float],
    threads: int,
) -> CutSection:
    """Read a real section and cut the stained volume and the CT at its place.

    Parameters
    ----------
    results : Results
    sample : str
        Id of the section.
    stained, ct : list of VolumeLevel
        Pyramids of its volume.
    ct_window : (float, float)
        Grey levels that are black and white.
    threads : int
    """
    grid = read_pair_grid(results.registered(sample).transform)
    real = read_image(results.normalized(sample).slide)
    if real.shape[:2] != grid.shape:
        raise InputError(
            f"{results.normalized(sample).slide}: {real.shape[:2]} pixels do not fit the "
            f"registration's {grid.shape}; normalize the section again"
        )
    images = []
    for levels in (stained, ct):
        level = level_for_pixels(levels, grid.pixel_um)
        image, inside = cut_plane(level.array, level.voxel_size_um, grid, threads=threads)
        if image.ndim == 3:
            image[~inside] = 255
        images.append(image)
    return CutSection(
        sample,
        grid.to_volume,
        grid.pixel_um,
        real,
        np.ascontiguousarray(images[0][..., :3]),
        shades(images[1].astype(np.float32), ct_window),
    )
