"""Whether a CT shows what the networks were trained on."""

from pathlib import Path

import numpy as np

from virtual_staining.artefacts.folders import StainedVolumeFolder
from virtual_staining.artefacts.rgba import open_rgba, rgba_scaling
from virtual_staining.artefacts.trained_on import TrainedOn
from virtual_staining.artefacts.volume import open_volume_pyramid
from virtual_staining.imaging.ct_plane import AsTrained
from virtual_staining.imaging.grey_pairs import LEAST_UNKNOWN

HEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7)  # of the planes that are looked at, fractions of the volume's


def unknown_fraction(ct: Path, stained: StainedVolumeFolder, facts: TrainedOn) -> float:
    """Return the part of the stained tissue whose grey levels no training plane shows.

    Parameters
    ----------
    ct : path
        The ingested CT.
    stained : StainedVolumeFolder
        What was made of it.
    facts : TrainedOn
        What the networks were trained on.

    Returns
    -------
    float
        0 to 1, of five planes together; NaN if nothing in them was stained.
    """
    volume = open_volume_pyramid(ct)[0]
    colours = open_rgba(stained.zarr)[0].array
    scale, offset = rgba_scaling(stained.zarr)
    plane_filter = AsTrained(facts.section_thickness_um, volume.voxel_size_um)
    depth, reach = volume.array.shape[0], plane_filter.reach
    pixels, unknown = 0, 0.0
    for z in sorted({int(height * depth) for height in HEIGHTS}):
        low = max(z - reach, 0)
        slab = np.asarray(volume.array[low : z + reach + 1], np.float32)
        plane = np.clip(scale * plane_filter(slab)[z - low] + offset, 0, 65535)
        mask = np.asarray(colours[3, z]) > 0
        if mask.any():
            pixels += int(mask.sum())
            part = facts.grey_pairs.unknown_fraction(plane, mask, volume.voxel_size_um)
            unknown += part * int(mask.sum())
    return unknown / pixels if pixels else float("nan")


def verdict(unknown: float) -> str:
    """Return a sentence where a CT is unlike the training planes, else an empty one."""
    if np.isnan(unknown):
        return (
            "nothing was stained: no rigid tissue was found in the CT; give its grey levels with "
            "--levels, or set specimen_only: false"
        )
    if unknown > LEAST_UNKNOWN:
        return (
            f"{unknown:.0%} of the stained tissue has grey levels that no training plane shows: "
            "do not trust its colours. Check --levels and the voxel size first; "
            "`package show` says what the networks were trained on"
        )
    return ""
