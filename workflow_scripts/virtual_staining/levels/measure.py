"""The levels of a scan: drawn, or found in the volume with its sections as witnesses."""

import numpy as np

from virtual_staining.artefacts.scan_levels import ScanLevels
from virtual_staining.artefacts.volume import VolumeLevel, shape_level
from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.modes import ScanModes, find_modes
from virtual_staining.imaging.tissue.regions import find_rois
from virtual_staining.imaging.tissue.scan_levels import name_modes, tissue_levels
from virtual_staining.imaging.tissue.section_evidence import seen_on
from virtual_staining.levels.drawn import DrawnPair
from virtual_staining.settings.normalize import BONE, NormalizeSettings

ANNOTATIONS, AUTOMATIC = "annotations", "automatic"


def measure_levels(
    pyramid: list[VolumeLevel], pairs: list[DrawnPair], settings: NormalizeSettings
) -> tuple[ScanLevels, ScanModes, list[str]]:
    """Return the levels of a scan, its modes and what each of them is.

    Parameters
    ----------
    pyramid : list of VolumeLevel
        The volume, finest level first.
    pairs : list of DrawnPair
        Its registered sections.
    settings : NormalizeSettings

    Raises
    ------
    InputError
        If a level is neither drawn nor found, or the reference is not above the background.
    """
    name, drawn = settings.reference_class, _drawn_levels(pairs)
    level = shape_level(pyramid)
    measured = None if level.measured is None else np.asarray(level.measured[:]) > 0
    scan = find_modes(np.asarray(level.array[:]), level.voxel_size_um, measured)
    found, names, warnings = (float("nan"), float("nan"), None), [""] * len(scan.modes), []
    try:
        if name == BONE:
            planes = [(p.pair.ct, p.pair.slide, p.pair.valid, p.pair.pixel_um) for p in pairs]
            seen = seen_on(planes, scan.modes, settings) if pairs else None
            levels = name_modes(scan, seen)
            found = levels.background, levels.bone, levels.implant
            names, warnings = levels.names, levels.doubts
        else:
            found = (*_of_tissue(pairs, scan, settings), None)
    except InputError:
        if None in drawn.values():
            raise
    warnings = [text for text in warnings if not _settled(text, drawn)]
    values = {
        key: grey if grey is not None else number
        for (key, grey), number in zip(drawn.items(), found[:2], strict=True)
    }
    sources = {key: AUTOMATIC if grey is None else ANNOTATIONS for key, grey in drawn.items()}
    if not values["reference"] > values["background"]:
        raise InputError(
            f"{name} (mean {values['reference']:.0f}) is not brighter than the background (mean "
            f"{values['background']:.0f}); draw {name} and Background on a section"
        )
    result = ScanLevels(
        background=values["background"],
        reference=values["reference"],
        implant=found[2],
        reference_class=name,
        background_source=sources["background"],
        reference_source=sources["reference"],
        warnings=warnings,
    )
    return result, scan, names


def _drawn_levels(pairs: list[DrawnPair]) -> dict[str, float | None]:
    """Return the levels that were drawn on all sections together, None for what was not.

    Background drawn on a slide may lie over matter in the CT, where a piece is lost: the median
    leaves such parts out.
    """
    levels: dict[str, float | None] = {}
    for key, measure in (("background", np.median), ("reference", np.mean)):
        greys = np.concatenate([getattr(p, key) for p in pairs] or [np.empty(0)])
        levels[key] = float(measure(greys)) if greys.size else None
    return levels


def _settled(sentence: str, drawn: dict[str, float | None]) -> bool:
    """Tell whether a doubt asks for a polygon that was drawn."""
    key = "background" if "draw Background" in sentence else "reference"
    return drawn[key] is not None


def _of_tissue(
    pairs: list[DrawnPair], scan: ScanModes, settings: NormalizeSettings
) -> tuple[float, float]:
    """Background and tissue of a specimen without bone, over all sections together."""
    greys: list[list[np.ndarray]] = [[], []]
    for one in pairs:
        pair = one.pair
        regions = find_rois(pair.ct, pair.slide, pair.valid, pair.pixel_um, settings)
        for kept, region in zip(greys, reversed(regions), strict=True):
            kept.append(pair.ct[region])
    if pairs:
        background, reference = (float(np.concatenate(kept).mean()) for kept in greys)
        return background, reference
    return tissue_levels(scan)
