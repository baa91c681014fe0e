"""Normalization of one registered pair by the levels in two of its regions (paper 2.5)."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from virtual_staining.artefacts.pair_stats import CTStats, PairStats, RegionStats, SlideStats
from virtual_staining.artefacts.scan_levels import ScanLevels
from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.ct_scaling import ct_scaling, scale_ct
from virtual_staining.imaging.tissue.grey_classes import MATURE_BONE, NEW_BONE, grey_classes
from virtual_staining.imaging.tissue.regions import check_size, find_rois, shrunk
from virtual_staining.normalize.slide_levels import (
    clipped_fractions,
    stretch,
    stretch_bounds,
    white_balance_gains,
)
from virtual_staining.readers.annotations import BACKGROUND, EXCLUDE
from virtual_staining.settings.normalize import NormalizeSettings

log = logging.getLogger(__name__)

ANNOTATIONS, AUTOMATIC = "annotations", "automatic"
DEVIATION = 0.08
"""Difference between a section's own level and its scan's above which a warning is due, fraction of
the distance from background to reference: young bone alone is some 5 % fainter than all of it."""
CLIPPED_LIMIT = 0.02
"""Fraction of a tissue's pixels outside the contrast bounds above which a warning is due."""


@dataclass(frozen=True)
class Regions:
    """The regions where the levels are measured.

    Parameters
    ----------
    reference, background : ndarray, shape (y, x), bool
        Reference tissue, and clear glass on the slide.
    ct_background : ndarray, shape (y, x), bool
        The part of ``background`` where the CT is empty too. Where a piece of the section is lost
        or a screw was removed, the glass is clear, but the volume holds matter.
    ct_reference : ndarray, shape (y, x), bool
        ``reference``, or the reference tissue that was drawn on the CT.
    new_bone : ndarray, shape (y, x), bool
        Sets the slide's lower bound together with the reference.
    tissue : dict of ndarray, shape (y, x), bool
        The section's stained pixels by class, from
        :func:`virtual_staining.imaging.tissue.grey_classes.grey_classes`.
    reference_source, background_source : str
        ``annotations`` for a drawn region, ``automatic`` for one that was found.
    """

    reference: np.ndarray
    background: np.ndarray
    ct_background: np.ndarray
    ct_reference: np.ndarray
    new_bone: np.ndarray
    tissue: dict[str, np.ndarray]
    reference_source: str
    background_source: str


def choose_regions(
    ct: np.ndarray,
    slide: np.ndarray,
    valid: np.ndarray,
    pixel_um: float,
    drawn: dict[str, np.ndarray],
    settings: NormalizeSettings,
    drawn_ct: dict[str, np.ndarray] | None = None,
    compare: Callable[[np.ndarray, tuple[np.ndarray, np.ndarray] | None], None] | None = None,
    scan: ScanLevels | None = None,
) -> Regions:
    """Return the drawn regions; a region that was not drawn is found automatically.

    Parameters
    ----------
    ct, slide, valid, pixel_um
        As in :func:`virtual_staining.imaging.tissue.regions.find_rois`.
    drawn : dict of ndarray of bool, shape (y, x)
        Annotated pixels by class name; may be empty. ``Exclude`` is left out of every region.
    settings : NormalizeSettings
    drawn_ct : dict of ndarray of bool, shape (y, x), optional
        The same, drawn on the CT: these set the CT's levels, and ``Exclude`` counts for both.
    compare : callable, optional
        ``compare(usable, found)`` raises InputError if what was drawn disagrees with the reference
        and background that the automatic search finds in the usable pixels; None if it finds none.
    scan : ScanLevels, optional
        Levels of the whole scan, by which the search goes.

    Raises
    ------
    InputError
        If a region is neither drawn nor found, or smaller than ``min_roi_px``.
    """
    empty, drawn_ct = np.zeros_like(valid), drawn_ct or {}
    usable = valid & ~drawn.get(EXCLUDE, empty) & ~drawn_ct.get(EXCLUDE, empty)
    reference, background = _drawn(drawn, usable, settings)
    ct_reference, ct_background = _drawn(drawn_ct, usable, settings)
    sources = [ANNOTATIONS if region.any() else AUTOMATIC for region in (reference, background)]
    try:
        known = None if scan is None else (scan.reference, scan.background)
        found = find_rois(ct, slide, usable, pixel_um, settings, known)
    except InputError:
        if AUTOMATIC in sources:
            raise
        found = None
    if compare is not None:
        compare(usable, found)
    automatic = found or (reference, background)
    reference = reference if sources[0] == ANNOTATIONS else automatic[0]
    background = background if sources[1] == ANNOTATIONS else automatic[1]
    ct_reference = ct_reference if ct_reference.any() else reference
    if not ct_background.any():
        ct_background = background & automatic[1]
        if ct_background.sum() < settings.min_roi_px:
            log.warning(
                "the drawn background is not empty in the CT, whose background is found "
                "automatically"
            )
            ct_background = automatic[1]
    for name, regions in (
        (settings.reference_class, (reference, ct_reference)),
        (BACKGROUND, (background, ct_background)),
    ):
        for region in regions:
            check_size(name, region, settings)
    levels = float(ct[ct_reference].mean()), float(ct[ct_background].mean())
    if scan is not None:
        levels = scan.reference, scan.background
    tissue = grey_classes(ct, slide, usable, pixel_um, levels, settings)
    # blurred edges of mature bone have new bone's grey too, but are thinner than the margin
    new_bone = shrunk(tissue.get(NEW_BONE, empty), pixel_um, settings.erode_um)
    return Regions(reference, background, ct_background, ct_reference, new_bone, tissue, *sources)


def _drawn(
    drawn: dict[str, np.ndarray], usable: np.ndarray, settings: NormalizeSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return the usable pixels drawn as reference and as background, none of them as both."""
    empty = np.zeros_like(usable)
    reference, background = (
        drawn.get(name, empty) & usable for name in (settings.reference_class, BACKGROUND)
    )
    both = reference & background
    if both.any():
        log.warning(
            "%d px are drawn as %s and as %s; they are left out of both",
            both.sum(), settings.reference_class, BACKGROUND,
        )  # fmt: skip
    return reference & ~both, background & ~both


def normalize_pair(
    ct: np.ndarray,
    slide: np.ndarray,
    regions: Regions,
    settings: NormalizeSettings,
    scan: ScanLevels | None = None,
) -> tuple[np.ndarray, np.ndarray, PairStats]:
    """Normalize a pair by the levels in its regions (paper 2.5).

    Parameters
    ----------
    ct : ndarray of uint16, shape (y, x)
    slide : ndarray of uint8, shape (y, x, 3)
    regions : Regions
    settings : NormalizeSettings
    scan : ScanLevels, optional
        Levels of the whole scan; those of the pair's regions by default.

    Returns
    -------
    ct : ndarray of uint16, shape (y, x)
        Reference tissue's mean at ``bone_mean``, background's at ``background_mean``.
    slide : ndarray of uint8, shape (y, x, 3)
        White-balanced and stretched.
    stats : PairStats
        What was measured and applied.

    Raises
    ------
    InputError
        If the regions show no contrast.
    """
    bone_mean = float(ct[regions.ct_reference].mean())
    background_mean = float(ct[regions.ct_background].mean())
    noise = float(ct[regions.ct_background].std())
    if 0 < bone_mean - background_mean < noise:
        raise InputError(
            f"CT: {settings.reference_class} at {bone_mean:.0f} and background at "
            f"{background_mean:.0f} differ by less than the noise of {noise:.0f}; check or draw "
            "the regions"
        )
    warnings = []
    if scan is not None:
        warnings = _deviations(bone_mean, background_mean, regions, scan)
        bone_mean, background_mean = scan.reference, scan.background
    scaling = ct_scaling(bone_mean, background_mean, settings)
    background_rgb = slide[regions.background].mean(axis=0)
    gains = white_balance_gains(background_rgb)
    bone = [regions.reference]
    if regions.new_bone.sum() >= settings.min_roi_px:
        bone.append(regions.new_bone)
    bounds = stretch_bounds(
        [slide[region] * gains for region in bone], slide[regions.background] * gains, settings
    )
    clipped = {
        name: clipped_fractions(slide, gains, bounds, region)
        for name, region in regions.tissue.items()
    }
    scaled, stretched = scale_ct(ct, scaling), stretch(slide, gains, *bounds)
    stats = PairStats(
        ct=CTStats(
            scale=scaling.scale,
            offset=scaling.offset,
            bone_mean_before=bone_mean,
            background_mean_before=background_mean,
            bone_mean_after=float(scaled[regions.ct_reference].mean()),
            background_mean_after=float(scaled[regions.ct_background].mean()),
        ),
        slide=SlideStats(
            background_rgb_before=background_rgb.tolist(),
            gains=gains.tolist(),
            f_min=bounds[0],
            f_max=bounds[1],
            background_after_rgb=stretched[regions.background].mean(axis=0).tolist(),
            clipped_fraction=clipped,
        ),
        ct_background_after=settings.background_mean,
        roi=RegionStats(
            reference_class=settings.reference_class,
            reference_source=regions.reference_source,
            background_source=regions.background_source,
            reference_px=int(regions.reference.sum()),
            background_px=int(regions.background.sum()),
            ct_background_px=int(regions.ct_background.sum()),
            new_bone_px=int(regions.new_bone.sum()),
            tissue_px={name: int(region.sum()) for name, region in regions.tissue.items()},
        ),
        warnings=warnings
        + [
            f"{100 * values['any']:.0f} % of {name.replace('_', ' ')} is clipped on the normalized "
            "slide; check the regions in qc.png or raise normalize.low_margin"
            for name, values in clipped.items()
            if values["any"] > CLIPPED_LIMIT
        ],
    )
    return scaled, stretched, stats


def _deviations(
    bone_mean: float, background_mean: float, regions: Regions, scan: ScanLevels
) -> list[str]:
    """Say where a section's own levels differ from its scan's by more than noise and tissue do."""
    span, said = scan.reference - scan.background, []
    # young bone, which stands in where a section has no other, is fainter, and tissue that is no
    # bone differs from section to section
    mature = regions.tissue.get(MATURE_BONE, np.zeros_like(regions.reference))
    mature = mature & regions.ct_reference
    compared = [(BACKGROUND, background_mean, scan.background)]
    if 2 * mature.sum() > regions.ct_reference.sum():
        compared.append((scan.reference_class, bone_mean, scan.reference))
    for name, own, grey in compared:
        if abs(own - grey) > DEVIATION * span:
            said.append(
                f"{name} has the grey level {own:.0f} in this section and {grey:.0f} in its whole "
                f"scan, {abs(own - grey) / span:.0%} of the distance from background to "
                f"{scan.reference_class} apart; look at qc.png of both, and draw {name} where the "
                "scan is wrong"
            )
    return said
