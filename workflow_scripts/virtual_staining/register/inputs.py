"""Reading of volume and slide at the voxel sizes that the searches use."""

from pathlib import Path

import numpy as np

from virtual_staining.artefacts.slide import SlideLevel
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.readers.plausible import check_alike, check_searchable
from virtual_staining.register.similarity.scales import (
    SectionScales,
    VolumeScales,
    section_scales,
    volume_scales,
)
from virtual_staining.settings.register import RegisterSettings

SEARCH_VOXELS = 500**3  # a larger volume would not fit into a laptop's memory beside the rest


def check_sizes(
    ct: str | Path,
    sample: str,
    volume: list[VolumeLevel],
    slide: list[SlideLevel],
    *,
    searched: bool,
) -> None:
    """Refuse a volume that is too thin, or ten times larger or smaller than the section.

    Parameters
    ----------
    ct : path
        The volume, for messages.
    sample : str
        The sample, for messages.
    volume, slide : list
        Their levels, finest first; nothing of them is read.
    searched : bool
        Whether the section's place is to be searched everywhere.

    Raises
    ------
    InputError
        Giving the numbers.
    """
    shape, voxel_um = volume[0].array.shape, volume[0].voxel_size_um
    check_searchable(str(ct), shape, voxel_um, searched=searched)
    volume_um = [n * voxel_um for n in shape[::-1]]
    check_alike(sample, volume_um, slide[0].size_um, searched=searched)


def read_volume(levels: list[VolumeLevel], settings: RegisterSettings) -> VolumeScales:
    """Read the pyramid level whose voxel size is nearest (in ratio) to ``fine_um``, and halve it.

    Levels of more than ``SEARCH_VOXELS`` are left out.
    """
    fitting = [level for level in levels if level.array.size <= SEARCH_VOXELS] or levels[-1:]
    nearest = min(fitting, key=lambda level: abs(np.log(level.voxel_size_um / settings.fine_um)))
    measured = None if nearest.measured is None else np.asarray(nearest.measured[:]) > 0
    grey = np.asarray(nearest.array[:])
    return volume_scales(grey, nearest.voxel_size_um, settings.coarse_um, measured)


def read_section(
    levels: list[SlideLevel], volume: VolumeScales, settings: RegisterSettings
) -> SectionScales:
    """Read the slide at about the finest voxel size of the search, and reduce it to colours."""
    image = coarsest_level_below(levels, volume.voxel_sizes_um[0]).read()
    return section_scales(
        volume,
        image,
        levels[0].size_um,
        settings.colour_classes,
        settings.section_thickness_um,
    )


def coarsest_level_below(levels: list[SlideLevel], pixel_um: float) -> SlideLevel:
    """Return the coarsest level whose pixels are no larger than ``pixel_um``, else the finest."""
    fitting = [level for level in levels if level.pixel_size_um <= pixel_um * (1 + 1e-6)]
    return max(fitting, key=lambda level: level.pixel_size_um, default=levels[0])
