"""Command: stain one volume and draw it."""

import argparse
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from matplotlib.image import imsave

from virtual_staining.artefacts import volume
from virtual_staining.artefacts import volume as omezarr
from virtual_staining.artefacts.rgba import CHANNELS, channel, rgba_tiff
from virtual_staining.artefacts.storage.atomic import replacing
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
    parser.add_argument("--out", required=True, type=Path, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Write ``rgba.ome.zarr``, ``rgba.tif``, ``orthogonal.png`` and ``render.png``."""
    # Imported here: they load torch, which `--help` does not need.
    from virtual_staining.stain.ensemble import load_stainer
    from virtual_staining.stain.views import orthogonal_figure, render

    set_up_processor(args.threads)
    settings = read_settings(StainSettings, args.settings)
    device = choose_device()
    ct = volume.open_volume_pyramid(args.ct)[0]
    stain = load_stainer(args.generator, settings, device)
    normalize = read_settings(NormalizeSettings, args.normalize)
    if settings.specimen_only:
        if args.mask is None:
            raise InputError("stain: specimen_only needs --mask with the settings of the masks")
        mask = read_settings(MaskSettings, args.mask)
        stain = within_specimen(stain, ct.voxel_size_um, mask, normalize)
    if args.stats:
        scaling = median_scaling(args.stats)
    else:
        scaling = measured_scaling(ct.array, ct.voxel_size_um, normalize, args.ct)
    write_rgba(ct, scaling, stain, settings.sigma_voxel, args.out)
    levels = volume.open_volume_pyramid(args.out / "rgba.ome.zarr")
    with replacing(args.out / "orthogonal.png") as path:
        orthogonal_figure(levels[0].array, levels[0].voxel_size_um).savefig(path)
    small = next(x for x in levels if max(x.array.shape[1:]) <= RENDER_VOXELS)
    with replacing(args.out / "render.png") as path:
        imsave(path, render(small.array[:]))


def write_rgba(
    ct: omezarr.VolumeLevel,
    scaling: tuple[float, float],
    stain: Callable[[np.ndarray], np.ndarray],
    sigma_voxel: float,
    out: Path,
) -> None:
    """Stain a volume into OME-Zarr and BigTIFF at once, slab by slab.

    Parameters
    ----------
    ct : VolumeLevel
        The CT, raw grey levels.
    scaling : (scale, offset)
        Its normalization.
    stain : callable
        As in :func:`~virtual_staining.stain.slabs.stained_slabs`.
    sigma_voxel : float
        Gaussian before staining, voxels.
    out : Path
        Folder for ``rgba.ome.zarr`` and ``rgba.tif``.
    """
    shape = ct.array.shape
    slabs = stained_slabs(filtered_slabs(ct.array, sigma_voxel), scaling, stain)
    with rgba_tiff(out / "rgba.tif", shape, ct.voxel_size_um) as append:
        with progress(shape[0], "staining", "slice", log) as advance:

            def shared() -> Iterator[np.ndarray]:
                for slab in slabs:
                    append(slab)
                    yield slab
                    advance(slab.shape[1])

            omezarr.write_volume_pyramid(
                out / "rgba.ome.zarr",
                shared(),
                ct.voxel_size_um,
                (4, *shape),
                np.uint8,
                attributes={"ct_scale": scaling[0], "ct_offset": scaling[1]},
                omero={"channels": [channel(label, color) for label, color in CHANNELS]},
            )
