"""Command: stain one volume and draw it."""

import argparse
import logging
from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.image import imsave

from virtual_staining.artefacts.paths import StainedVolumeFolder
from virtual_staining.artefacts.rgba import write_rgba
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.volume import VolumeLevel, open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.progress import progress
from virtual_staining.runtime import choose_device, set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.stain import StainSettings
from virtual_staining.stain.scaling import measured_scaling, median_scaling
from virtual_staining.stain.slabs import filtered_slabs, stained_slabs
from virtual_staining.stain.specimen_outline import within_specimen

log = logging.getLogger(__name__)

RENDER_VOXELS = 256  # longest side of the pyramid level that is rendered


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    parser.add_argument("--ct", required=True, help="the volume, an ingested OME-Zarr")
    parser.add_argument("--generator", required=True, nargs="+", help="generator.pt, one per fold")
    parser.add_argument("--stats", nargs="*", default=[], help="stats.json of the volume's pairs")
    parser.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())
    parser.add_argument("--mask", help=f"{MaskSettings.argument_help()}; for specimen_only")
    parser.add_argument("--settings", required=True, help=StainSettings.argument_help())
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--out", required=True, type=StainedVolumeFolder, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Write ``rgba.ome.zarr``, ``rgba.tif``, ``orthogonal.png`` and ``render.png``."""
    # Imported here: they load torch, which `--help` does not need.
    from virtual_staining.stain.ensemble import load_stainer
    from virtual_staining.stain.views import orthogonal_figure, render

    set_up_processor(args.threads)
    settings = read_settings(StainSettings, args.settings).part("stain")
    device = choose_device()
    ct = open_volume_pyramid(args.ct)[0]
    stain = load_stainer(args.generator, settings, device)
    normalize = read_settings(NormalizeSettings, args.normalize).part("stain")
    if settings.specimen_only:
        if args.mask is None:
            raise InputError("stain: specimen_only needs --mask with the settings of the masks")
        mask = read_settings(MaskSettings, args.mask).part("stain")
        stain = within_specimen(stain, ct.voxel_size_um, mask, normalize)
    if args.stats:
        scaling = median_scaling(args.stats)
    else:
        scaling = measured_scaling(ct.array, ct.voxel_size_um, normalize, args.ct)
    stain_volume(ct, scaling, stain, settings.sigma_voxel, args.out)
    levels = open_volume_pyramid(args.out.zarr)
    with replacing(args.out.orthogonal) as path:
        orthogonal_figure(levels[0].array, levels[0].voxel_size_um).savefig(path)
    small = next(level for level in levels if max(level.array.shape[1:]) <= RENDER_VOXELS)
    with replacing(args.out.render) as path:
        imsave(path, render(small.array[:]))


def stain_volume(
    ct: VolumeLevel,
    scaling: tuple[float, float],
    stain: Callable[[np.ndarray], np.ndarray],
    sigma_voxel: float,
    out: StainedVolumeFolder,
) -> None:
    """Stain a volume slab by slab and write its colours.

    Parameters
    ----------
    ct : VolumeLevel
        The CT, raw grey levels.
    scaling : (scale, offset)
        Its normalization.
    stain : callable
        As in :func:`~virtual_staining.stain.slabs.stained_slabs`.
    sigma_voxel : float
        Standard deviation of the Gaussian filter before staining, voxels.
    out : StainedVolumeFolder
        Receives ``rgba.ome.zarr`` and ``rgba.tif``.
    """
    depth = ct.array.shape[0]

    def slabs() -> Iterator[np.ndarray]:
        with progress(depth, "staining", "slice", log) as advance:
            for slab in stained_slabs(filtered_slabs(ct.array, sigma_voxel), scaling, stain):
                yield slab
                advance(slab.shape[1])

    write_rgba(out, slabs(), ct.array.shape, ct.voxel_size_um, scaling)
