"""The CT scaling of a whole volume: from its normalized pairs, or measured on three planes."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from virtual_staining.artefacts.pair_stats import read_ct_scaling
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.errors import InputError
from virtual_staining.imaging.tissue.ct_scaling import ct_scaling
from virtual_staining.imaging.tissue.regions import find_ct_rois
from virtual_staining.settings.normalize import NormalizeSettings

log = logging.getLogger(__name__)

PLANES = (0.25, 0.5, 0.75)  # heights of the planes that are measured, fractions of the volume's


def chosen_scaling(
    stats: Sequence[str | Path],
    levels: Sequence[float] | None,
    ct: VolumeLevel,
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
    ct, settings, name
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
    return median_scaling(stats) if stats else measured_scaling(ct, settings, name)


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
    ct: VolumeLevel, settings: NormalizeSettings, name: str
) -> tuple[float, float]:
    """Return the median (scale, offset) of three planes of a volume that has no section.

    Parameters
    ----------
    ct : VolumeLevel
        The CT; what it did not measure is left out.
    settings : NormalizeSettings
        The ``normalize`` block.
    name : str
        Name of the volume, for messages.

    Raises
    ------
    InputError
        If none of the planes shows both reference tissue and background.
    """
    scalings, problems = [], []
    for fraction in PLANES:
        z = int(fraction * ct.array.shape[0])
        plane = np.asarray(ct.array[z])
        measured = None if ct.measured is None else np.asarray(ct.measured[z]) > 0
        try:
            reference, background = find_ct_rois(plane, ct.voxel_size_um, settings, measured)
            scaling = ct_scaling(plane[reference].mean(), plane[background].mean(), settings)
            scalings.append((scaling.scale, scaling.offset))
        except InputError as error:
            problems.append(str(error))
    if not scalings:
        raise InputError(f"{name}: cannot be normalized by itself: {problems[0]}; give --stats")
    log.info("%s: normalized on %d of %d planes", name, len(scalings), len(PLANES))
    scale, offset = np.median(scalings, axis=0)
    return float(scale), float(offset)
