"""Command: stain one volume."""

import argparse
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.registration_failed import failure_of
from virtual_staining.artefacts.registration_place import read_pair_grid
from virtual_staining.artefacts.specimen import searched
from virtual_staining.artefacts.volume import open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.imaging.ct_plane import AsTrained, PaperFilter
from virtual_staining.runtime import choose_device, set_up_processor
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings
from virtual_staining.settings.stain import StainSettings
from virtual_staining.stain.glass import find_glass
from virtual_staining.stain.hidden import hidden_implant
from virtual_staining.stain.kept_slabs import KeptSlabs, fingerprint
from virtual_staining.stain.scaling import chosen_scaling
from virtual_staining.stain.section_planes import SectionPlanes, most_certain
from virtual_staining.stain.slabs import SECTION
from virtual_staining.stain.specimen import find_specimen
from virtual_staining.stain.volume import Staining, write_stained_volume

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    parser.add_argument("--ct", required=True, help="the volume, an ingested OME-Zarr")
    parser.add_argument("--generator", required=True, nargs="+", help="generator.pt, one per fold")
    parser.add_argument("--stats", nargs="*", default=[], help="stats.json of the volume's pairs")
    parser.add_argument(
        "--levels",
        nargs=2,
        type=float,
        metavar=("BACKGROUND", "BONE"),
        help="mean grey levels in the CT, instead of --stats (default: measured)",
    )
    parser.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())
    parser.add_argument("--mask", help=f"{MaskSettings.argument_help()}; for specimen_only")
    parser.add_argument(
        "--section-thickness-um",
        type=float,
        help="thickness that the training pairs' CT was averaged through, µm; for plane as_trained",
    )
    parser.add_argument(
        "--transforms",
        nargs="*",
        default=[],
        help="transform.json of the volume's sections; for axes section",
    )
    parser.add_argument("--settings", required=True, help=StainSettings.argument_help())
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument(
        "--share",
        nargs=2,
        type=int,
        metavar=("K", "N"),
        help="only stain the K-th of N equal shares of the volume's slabs, and keep these for the "
        "run without --share, which stains what is missing and writes the volume",
    )
    parser.add_argument("--out", required=True, type=StainedVolumeFolder, help="folder to write to")


def run(args: argparse.Namespace) -> None:
    """Write ``rgba.ome.zarr`` and ``rgba.tif``, or a share."""
    if args.share and not 1 <= args.share[0] <= args.share[1]:
        raise InputError(f"stain: --share: {args.share[0]} is none of 1 to {args.share[1]}")
    set_up_processor(args.threads)
    staining, kept = prepare(args)
    if args.share:
        first, shares = args.share
        staining.stain(kept, staining.slabs[first - 1 :: shares])
        return
    staining.stain(kept, staining.slabs)
    write_stained_volume(staining, kept, args.out)
    for folder in args.out.path.glob(args.out.kept_slabs("*").name):
        shutil.rmtree(folder)


def prepare(args: argparse.Namespace) -> tuple[Staining, KeptSlabs]:
    """Read everything that a volume's colours depend on.

    Raises
    ------
    InputError
        If a file or a setting is missing, damaged or does not fit.
    """
    # Imported here: torch is loaded, which `--help` does not need.
    from virtual_staining.stain.ensemble import load_stainer

    settings = read_settings(StainSettings, args.settings).part("stain")
    normalize = read_settings(NormalizeSettings, args.normalize).part("stain")
    if settings.specimen_only and args.mask is None:
        raise InputError("stain: specimen_only needs --mask with the settings of the masks")
    levels = open_volume_pyramid(args.ct)
    stain = load_stainer(args.generator, settings, choose_device())
    stats = [path for path in args.stats if not failure_of(path)]
    scaling = chosen_scaling(stats, args.levels, levels, normalize, args.ct)
    specimen = glass = None
    depends_on = [settings.reaching("stain"), scaling, args.section_thickness_um]
    if settings.specimen_only:
        mask = read_settings(MaskSettings, args.mask).part("stain")
        copy = searched(levels, scaling, normalize)
        specimen = find_specimen(levels[0], copy, mask)
        outline = specimen.outline(copy.level.shape, copy.voxel_um)
        glass = find_glass(levels[0], scaling, copy, outline, mask, normalize)
        if not stats and (said := hidden_implant(copy, outline, mask)):
            log.warning("%s: %s", args.ct, said)
        depends_on += [mask.reaching("stain"), normalize.reaching("stain")]
    plane_filter = chosen_filter(settings, args.section_thickness_um, levels[0].voxel_size_um)
    axes, section = chosen_axes(settings.axes, args.transforms)
    planes = None
    if section is not None:
        frame = read_pair_grid(section).to_volume
        planes = SectionPlanes(levels[0], frame, args.section_thickness_um)
        depends_on.append(frame.to_dict())
    staining = Staining(levels[0], scaling, stain, plane_filter, axes, specimen, planes, glass)
    mark = fingerprint(levels, args.generator, {"depends_on": depends_on})
    return staining, KeptSlabs(args.out.kept_slabs(mark), levels[0].array.shape)


def chosen_axes(
    axes: Sequence[str], transforms: Sequence[str]
) -> tuple[tuple[str, ...], Path | None]:
    """Return the axes to stain along, and the section that gives the axis 'section' its planes.

    Parameters
    ----------
    axes : sequence of str
        As in :class:`~virtual_staining.settings.stain.StainSettings`.
    transforms : sequence of path
        ``transform.json`` of the volume's sections.

    Returns
    -------
    axes : tuple of str
        Those of the settings, with z in place of section where no section was registered.
    section : Path or None
        The ``transform.json``, if axes names section.
    """
    if SECTION not in axes:
        return tuple(axes), None
    section = most_certain(transforms)
    if section is None:
        log.warning(
            "the volume has no registered section: stained along z in place of section; where you "
            "know the plane, give --transforms a file that the command section has written"
        )
        return tuple(dict.fromkeys("z" if axis == SECTION else axis for axis in axes)), None
    log.info("planes parallel to %s", section)
    return tuple(axes), section


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
