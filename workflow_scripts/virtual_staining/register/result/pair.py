"""The registered pair: CT plane and section on their common grid (paper 2.3)."""

from dataclasses import dataclass

import numpy as np

from virtual_staining.artefacts.slide import SlideLevel
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.ct_plane import ct_plane, measured_plane
from virtual_staining.imaging.geometry import SectionMap
from virtual_staining.register.result.pair_grid import PairGrid, common_grid, compose, valid_mask
from virtual_staining.register.result.pair_images import resample_slide, scanned_pixels
from virtual_staining.register.similarity.pose import CENTER, X_AXIS, Y_AXIS, to_map
from virtual_staining.register.similarity.scales import SectionScales


@dataclass(frozen=True)
class Pair:
    """CT plane and section on one grid.

    Parameters
    ----------
    grid : PairGrid
    slide_to_volume : SectionMap
        Slide µm to volume µm.
    pair_to_slide : ndarray, shape (2, 3)
        Pair µm to slide µm.
    ct : ndarray, uint16 (y, x)
    slide : ndarray, uint8 (y, x, 3)
    valid : ndarray, bool (y, x)
        Where both volume and section hold data.
    tissue_fraction : float
        Fraction of the pixels where the section shows tissue and the volume holds data.
    """

    grid: PairGrid
    slide_to_volume: SectionMap
    pair_to_slide: np.ndarray
    ct: np.ndarray
    slide: np.ndarray
    valid: np.ndarray
    tissue_fraction: float


def make_pair(
    pose: np.ndarray,
    section: SectionScales,
    volume: VolumeLevel,
    slide: SlideLevel,
    thickness_um: float,
) -> Pair | None:
    """Resample volume and slide onto their common grid.

    Parameters
    ----------
    pose : ndarray, shape (12,)
    section : SectionScales
        Gives the slide's size and its main colours.
    volume : VolumeLevel
        The pair gets its voxel size as pixel size.
    slide : SlideLevel
        Pixels no larger than the pair's, if the slide has such.
    thickness_um : float
        Thickness of the section, through which CT is averaged, µm.

    Returns
    -------
    Pair or None
        None if the section's plane misses the volume.
    """
    voxel_um, size_um = volume.voxel_size_um, section.size_um
    volume_size_um = tuple(n * voxel_um for n in volume.array.shape[::-1])
    slide_to_volume = to_map(pose, size_um)
    frame = SectionMap(pose[CENTER], pose[X_AXIS], pose[Y_AXIS])
    grid = common_grid(frame, slide_to_volume, size_um, volume_size_um, voxel_um)
    if grid is None:
        return None
    pair_to_slide = compose(grid.to_volume, slide_to_volume)
    background = section.colours[section.colours.sum(1).argmax()]  # the bare slide is brightest
    image = resample_slide(slide.read(), slide.pixel_size_um, pair_to_slide, grid, background)
    ct = ct_plane(volume.array, voxel_um, grid.to_volume, grid.shape, grid.pixel_um, thickness_um)
    valid = valid_mask(grid, pair_to_slide, size_um, volume_size_um)
    if volume.measured is not None:
        place = (voxel_um, grid.to_volume, grid.shape, grid.pixel_um, thickness_um)
        valid &= measured_plane(volume.measured, *place)
    scanned = slide.read_measured()
    if scanned is not None:
        valid &= scanned_pixels(scanned, slide.pixel_size_um, pair_to_slide, grid)
    tissue = tissue_mask(image, section.colours, background)
    fraction = float((tissue & valid).mean())
    return Pair(grid, slide_to_volume, pair_to_slide, ct, image, valid, fraction)


def tissue_mask(image: np.ndarray, colours: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Return which pixels of an image (y, x, 3) are far from the background's colour, bool (y, x).

    Far is a quarter of the largest distance (sum over RGB) between a main colour of the section,
    ``colours`` (classes, 3), and the background.
    """
    limit = np.abs(colours - background).sum(1).max() / 4
    return np.abs(image - background).sum(2) > limit
