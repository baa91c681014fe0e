"""Command: stain one volume and draw it."""

import argparse
import logging
from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.image import imsave

from virtual_staining.artefacts.paths import StainedVolumeFolder
from virtual_staining.artefacts.registration_failed import failure_of
from virtual_staining.artefacts.rgba import open_rgba, write_rgba
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.volume import VolumeLevel, open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.imaging.ct_plane import AsTrained, PaperFilter
from virtual_staining.progress import progress
from virtual_staining.runtime import choose_device, set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.stain import StainSettings
from virtual_staining.stain.scaling import measured_scaling, median_scaling
from virtual_staining.stain.slabs import clear_unmeasured, filtered_slabs, stained_slabs
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
    parser.add_argument(
        "--section-thickness-um",
        type=float,
        help="thickness that the training pairs' CT was averaged through, µm; for plane as_trained",
    )
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
    stats = [path for path in args.stats if not failure_of(path)]
    scaling = median_scaling(stats) if stats else measured_scaling(ct, normalize, args.ct)
    plane_filter = chosen_filter(settings, args.section_thickness_um, ct.voxel_size_um)
    stain_volume(ct, scaling, stain, plane_filter, args.out)
    levels = open_rgba(args.out.zarr)
    with replacing(args.out.orthogonal) as path:
        orthogonal_figure(levels[0].array, levels[0].voxel_size_um).savefig(path)
    small = next(level for level in levels if max(level.array.shape[1:]) <= RENDER_VOXELS)
    with replacing(args.out.render) as path:
        imsave(path, render(small.array[:]))


def chosen_filter(
    settings: StainSettings, thickness_um: float | None, voxel_um: float
) -> AsTrained | PaperFilter:
    """Return what makes the planes to stain of a volume.

    Parameters
    ----------
    settings : StainSettings
        Uses ``plane`` and ``sigma_voxel``.
    thickness_um : float or None
        Thickness that the training pairs' CT was averaged through, µm.
    voxel_um : float
        Voxel size, µm.

    Raises
    ------
    InputError
        If the planes are to be as trained and the thickness is not given.
    """
    if settings.plane == "paper":
        return PaperFilter(settings.sigma_voxel)
    if thickness_um is None:
        raise InputError(
            "stain: plane as_trained needs --section-thickness-um, the thickness that the training "
            "pairs were registered with"
        )
    return AsTrained(thickness_um, voxel_um)


def stain_volume(
    ct: VolumeLevel,
    scaling: tuple[float, float],
    stain: Callable[[np.ndarray], np.ndarray],
    plane_filter: AsTrained | PaperFilter,
    out: StainedVolumeFolder,
) -> None:
    """Stain a volume slab by slab and write its colours.

    Parameters
    ----------
    ct : VolumeLevel
        The CT, raw grey levels; transparent where it was not measured.
    scaling : (scale, offset)
        Its normalization.
    stain : callable
        As in :func:`~virtual_staining.stain.slabs.stained_slabs`.
    plane_filter : AsTrained or PaperFilter
        Makes the planes to stain of the volume.
    out : StainedVolumeFolder
        Receives ``rgba.ome.zarr`` and ``rgba.tif``.
    """
    depth = ct.array.shape[0]

    def slabs() -> Iterator[np.ndarray]:
        with progress(depth, "staining", "slice", log) as advance:
            stained = stained_slabs(filtered_slabs(ct.array, plane_filter), scaling, stain)
            for z, slab in enumerate(stained):
                if ct.measured is not None:
                    clear_unmeasured(slab[:, 0], np.asarray(ct.measured[z]) > 0)
                yield slab
                advance(slab.shape[1])

    write_rgba(out, slabs(), ct.array.shape, ct.voxel_size_um, scaling)
