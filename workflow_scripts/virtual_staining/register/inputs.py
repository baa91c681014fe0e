"""What the searches read: the volume and the slide at about the finest voxel size searched."""

import numpy as np

from virtual_staining.artefacts import slide as slides
from virtual_staining.artefacts import volume as omezarr
from virtual_staining.register.similarity.scales import Member, halvings, section_scales
from virtual_staining.settings.register import RegisterSettings

SEARCH_VOXELS = 500**3  # a level with more would not fit into a laptop's memory beside the rest


def load_volume(
    levels: list[omezarr.VolumeLevel], settings: RegisterSettings
) -> tuple[list[tuple[np.ndarray, float]], float]:
    """Read the level nearest to ``fine_um``; return its halvings and its air's grey value."""
    fitting = [one for one in levels if one.array.size <= SEARCH_VOXELS] or levels[-1:]
    level = min(fitting, key=lambda one: abs(np.log(one.voxel_size_um / settings.fine_um)))
    return halvings(np.asarray(level.array[:]), level.voxel_size_um, settings.coarse_um)


def load_member(
    slide_levels: list[slides.SlideLevel],
    volumes: list[tuple[np.ndarray, float]],
    air: float,
    settings: RegisterSettings,
) -> Member:
    """Read the slide to match the volume that :func:`load_volume` returned."""
    size_um = slide_levels[0].size_um
    image = slide_no_coarser_than(slide_levels, volumes[0][1]).read()
    scales, colours = section_scales(
        volumes, air, image, size_um, settings.colour_classes, settings.section_thickness_um
    )
    return Member(scales, image, colours, size_um)


def slide_no_coarser_than(levels: list[slides.SlideLevel], pixel_um: float) -> slides.SlideLevel:
    """Return the coarsest level whose pixels are no larger than ``pixel_um``, else the finest."""
    fitting = [level for level in levels if level.pixel_size_um <= pixel_um * (1 + 1e-6)]
    return max(fitting, key=lambda one: one.pixel_size_um, default=levels[0])
