"""``mask``: outline where CT and section of a normalized pair show the same tissue (paper 2.8)."""

import argparse
import logging

import numpy as np

from virtual_staining.artefacts.pair import write_mask
from virtual_staining.artefacts.pair_stats import read_ct_scaling
from virtual_staining.artefacts.paths import Results
from virtual_staining.artefacts.registered_pair import (
    RegisteredPair,
    drawn_regions,
    read_registered_pair,
)
from virtual_staining.artefacts.registration_failed import pass_on_failure
from virtual_staining.artefacts.registration_place import read_pair_grid
from virtual_staining.artefacts.specimen import bone_level, specimen_of_volume
from virtual_staining.artefacts.storage.atomic import replacing
from virtual_staining.artefacts.volume import open_volume_pyramid
from virtual_staining.errors import InputError
from virtual_staining.imaging.geometry import PlaneGrid, SectionMap
from virtual_staining.imaging.pictures import draw_outlines
from virtual_staining.imaging.tissue.absorbance import smoothed
from virtual_staining.imaging.tissue.classes import Tissue, lost_pieces, tissue_classes
from virtual_staining.imaging.tissue.hull import section_hulls, with_implant, without_bridges
from virtual_staining.imaging.tissue.rigid import dense_ct, opaque_implant, rigid_slide
from virtual_staining.imaging.tissue.specimen import find_specimen
from virtual_staining.mask.staining import LOST_LIMIT, left_by_staining
from virtual_staining.readers.annotations import EXCLUDE
from virtual_staining.settings.base import read_settings
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

log = logging.getLogger(__name__)

# Least level of the CT that is no background, on the way to bone: dry soft tissue has 0.03 to 0.07.
MATTER_LEVEL = 0.09


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stage's arguments."""
    parser.add_argument(
        "--results", required=True, type=Results, help="results folder of the study"
    )
    parser.add_argument("--sample", required=True, help="id of a normalized sample")
    parser.add_argument(
        "--ct", help="the section's volume, an ingested OME-Zarr (default: the pair's plane alone)"
    )
    parser.add_argument("--annotations", default="", help="drawn regions (QuPath GeoJSON)")
    parser.add_argument(
        "--annotations-ct", default="", help="regions drawn on the registered ct.tif (GeoJSON)"
    )
    parser.add_argument("--settings", required=True, help=MaskSettings.argument_help())
    parser.add_argument("--normalize", required=True, help=NormalizeSettings.argument_help())


def run(args: argparse.Namespace) -> None:
    """Write the mask, the tissue classes and a picture of the two outlines."""
    settings = read_settings(MaskSettings, args.settings).part("mask")
    normalize = read_settings(NormalizeSettings, args.normalize).part("mask")
    registered = args.results.registered(args.sample)
    normalized, out = args.results.normalized(args.sample), args.results.mask(args.sample)
    if pass_on_failure(registered.transform, (out.mask, out.tissue, out.qc), stats=None):
        return
    pair = read_registered_pair(
        normalized.ct, normalized.slide, registered.valid, registered.transform
    )
    exclude = np.zeros(pair.ct.shape, bool)
    for annotations, on_ct in ((args.annotations, False), (args.annotations_ct, True)):
        drawn = drawn_regions(annotations, pair, normalize.reference_class, on_ct)
        exclude |= drawn.get(EXCLUDE, exclude)
    pieces = (
        pieces_in_volume(args.ct, args.results, args.sample, settings, normalize)
        if args.ct
        else pieces_in_plane(pair, settings, normalize)
    )
    implant = opaque_implant(pair.slide, pair.valid, pair.pixel_um, settings)
    hulls = specimen_hulls(pair, pieces, implant, settings, normalize)
    mask = hulls[0] & hulls[1] & pair.valid & ~exclude
    if not mask.any():
        raise InputError(
            f"{normalized.ct}: no rigid tissue that CT and section share; check the registration, "
            "the normalization and mask.rigid_level"
        )
    classes = tissue_classes(
        pair.ct, pair.slide, mask, pair.valid, pair.pixel_um, settings, normalize
    )
    lost = mask & lost_pieces(
        classes, pair.ct, pair.slide, pair.valid, pair.pixel_um, settings, normalize
    )
    tissue = ~np.isin(classes, (Tissue.OUTSIDE, Tissue.BACKGROUND, Tissue.UNKNOWN))
    held = mask & ~lost
    mask = without_bridges(held, tissue, lost, pair.pixel_um, settings.margin_um)
    classes[held & ~mask] = Tissue.OUTSIDE
    classes[lost | exclude] = Tissue.UNKNOWN
    write_mask(out, mask, classes, pair.pixel_um)
    outlines = {
        "specimen in the volume": (hulls[0], "both"),
        "hull of the section": (hulls[1], "both"),
        "mask": (mask, "both"),
    }
    title = (
        f"mask covers {mask.mean():.0%} of the pair; left out: {lost.sum()} px that the "
        f"section has lost, {exclude.sum()} px by hand"
    )
    with replacing(out.qc) as path:
        draw_outlines(pair.ct, pair.slide, outlines, title).savefig(path, dpi=110)
    log.info(title)
    missed = (implant & ~mask & ~exclude).sum() / max(implant.sum(), 1)
    if missed > LOST_LIMIT:
        log.warning(
            "%s: the mask leaves out %.0f %% of the implant that the section shows; check qc.png",
            normalized.slide, 100 * missed,
        )  # fmt: skip
    if args.ct and implant.any():
        shown = shown_in_ct(pair, settings, normalize)
        if said := left_by_staining(implant & hulls[0], pieces, shown):
            log.warning("%s: %s", normalized.ct, said)


def pieces_in_volume(
    ct: str, results: Results, sample: str, settings: MaskSettings, normalize: NormalizeSettings
) -> list[np.ndarray]:
    """Return what each piece of the volume's specimen covers of a pair, bool (y, x) each.

    Parameters
    ----------
    ct : str
        The volume, an ingested OME-Zarr.
    results : Results
        Hold the pair's place and the scaling of its CT.
    sample : str
        Id of the pair.
    settings : MaskSettings
    normalize : NormalizeSettings
        The levels that the pair was normalized to.
    """
    scaling = read_ct_scaling(results.normalized(sample).stats)
    specimen = specimen_of_volume(open_volume_pyramid(ct), scaling, settings, normalize)
    return specimen.cut(read_pair_grid(results.registered(sample).transform))


def pieces_in_plane(
    pair: RegisteredPair, settings: MaskSettings, normalize: NormalizeSettings
) -> list[np.ndarray]:
    """Return what each piece of the specimen covers of a pair without a volume, bool (y, x) each.

    Parameters
    ----------
    pair : RegisteredPair
        The normalized pair.
    settings, normalize
        As in :func:`pieces_in_volume`.
    """
    level = bone_level(smoothed(pair.ct, pair.pixel_um, settings.smooth_um), normalize)
    level[~pair.valid] = 0
    specimen = find_specimen(level[None], pair.valid[None], pair.pixel_um, settings)
    middle_um = np.array([0, 0, pair.pixel_um / 2])
    plane = SectionMap(middle_um, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
    return specimen.cut(PlaneGrid(pair.ct.shape, pair.pixel_um, plane))


def specimen_hulls(
    pair: RegisteredPair,
    pieces: list[np.ndarray],
    implant: np.ndarray,
    settings: MaskSettings,
    normalize: NormalizeSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Return where the specimen lies in the CT and on the section, bool (y, x) each.

    Parameters
    ----------
    pair : RegisteredPair
        The normalized pair.
    pieces : list of ndarray of bool, shape (y, x)
        Of the specimen in the CT.
    implant : ndarray of bool, shape (y, x)
        The implant that the section shows.
    settings, normalize
        As in :func:`pieces_in_volume`.
    """
    pieces = with_implant(pieces, implant, shown_in_ct(pair, settings, normalize))
    in_ct = np.zeros(pair.ct.shape, bool)
    for piece in pieces:
        in_ct |= piece
    bone = dense_ct(pair.ct, pair.pixel_um, settings, normalize) & in_ct & pair.valid
    rigid = bone | (implant & in_ct)
    in_slide = rigid_slide(
        pair.slide, rigid, pair.valid, pair.pixel_um, settings, normalize.reference_class
    )
    return in_ct, section_hulls(pieces, in_slide, rigid, pair.pixel_um, settings)


def shown_in_ct(
    pair: RegisteredPair, settings: MaskSettings, normalize: NormalizeSettings
) -> np.ndarray:
    """Return where the CT shows anything but background, bool (y, x)."""
    level = bone_level(smoothed(pair.ct, pair.pixel_um, settings.smooth_um), normalize)
    return np.abs(level) > MATTER_LEVEL
