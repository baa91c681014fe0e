"""The CT scaling of a whole volume: from its normalized pairs, or measured in the volume."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.pair_stats import read_ct_scaling
from virtual_staining.artefacts.volume import VolumeLevel, shape_level
from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.ct_scaling import ct_scaling
from virtual_staining.imaging.tissue.modes import find_modes
from virtual_staining.imaging.tissue.scan_levels import name_modes, tissue_levels
from virtual_staining.settings.normalize import BONE, NormalizeSettings

log = logging.getLogger(__name__)


def chosen_scaling(
    stats: Sequence[str | Path],
    levels: Sequence[float] | None,
    pyramid: list[VolumeLevel],
    settings: NormalizeSettings,
    name: str,
) -> tuple[float, float]:
    """Return the (scale, offset) of a volume: of its pairs, from given levels, or measured.

    Parameters
    ----------
    stats : sequence of path
        ``stats.json`` of the volume's pairs.
    levels : (background, bone) or None
        Mean grey levels in the CT.
    pyramid, settings, name
        As in :func:`measured_scaling`.

    Raises
    ------
    InputError
        If the levels are in the wrong order, or as in the functions below.
    """
    if levels is not None:
        background, bone = levels
        scaling = ct_scaling(bone, background, settings)
        return scaling.scale, scaling.offset
    return median_scaling(stats) if stats else measured_scaling(pyramid, settings, name)


def median_scaling(stats: Sequence[str | Path]) -> tuple[float, float]:
    """Return the median (scale, offset) of the volume's normalized pairs.

    Parameters
    ----------
    stats : sequence of path
        ``stats.json`` files of the normalize stage.

    Raises
    ------
    InputError
        As in :func:`~virtual_staining.artefacts.pair_stats.read_ct_scaling`.
    """
    values = [read_ct_scaling(path) for path in stats]
    scale, offset = np.median(values, axis=0)
    return float(scale), float(offset)


def measured_scaling(
    pyramid: list[VolumeLevel], settings: NormalizeSettings, name: str
) -> tuple[float, float]:
    """Return the (scale, offset) of a volume that has no section.

    Parameters
    ----------
    pyramid : list of VolumeLevel
        The CT, finest level first; what it did not measure is left out.
    settings : NormalizeSettings
        The ``normalize`` block.
    name : str
        Name of the volume, for messages.

    Raises
    ------
    InputError
        If the volume does not show both reference tissue and background.
    """
    level = shape_level(pyramid)
    measured = None if level.measured is None else np.asarray(level.measured[:]) > 0
    try:
        scan = find_modes(np.asarray(level.array[:]), level.voxel_size_um, measured)
        if settings.reference_class == BONE:
            found = name_modes(scan, None)
            background, reference, doubts = found.background, found.bone, found.doubts
        else:
            (background, reference), doubts = tissue_levels(scan), []
        scaling = ct_scaling(reference, background, settings)
    except InputError as error:
        raise InputError(
            f"{name}: cannot be normalized by itself: {error}; give its ct_levels in the sample "
            "sheet, or --levels"
        ) from error
    log.info("%s: background %.0f, reference %.0f", name, background, reference)
    for doubt in doubts:
        log.warning("%s: %s on a section, or give ct_levels in the sample sheet", name, doubt)
    return scaling.scale, scaling.offset
