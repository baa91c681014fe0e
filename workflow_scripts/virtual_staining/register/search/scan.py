"""Starting poses without any first guess: all orientations and positions, scored coarsely."""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from virtual_staining.register.search.scan_kernel import (
    BinnedSection,
    BinnedVolume,
    Positions,
    scan_positions,
)
from virtual_staining.register.search.starts import frame_normals
from virtual_staining.register.similarity.pose import SCALE_Y
from virtual_staining.register.similarity.scales import (
    Scale,
    SectionScales,
    label_colours,
    shrink,
)

SCAN_PIXELS = 800  # of the section, whatever its size: a partial field is scanned more finely
SCAN_BINS = 12
PLANES_KEPT = 2  # of each orientation
STRETCH_STEP = 0.1  # a climb finds its way from half of this


class Scan(NamedTuple):
    """The best poses of a scan.

    Parameters
    ----------
    poses : ndarray, shape (stretches, orientations, PLANES_KEPT, 12)
    scores : ndarray, shape (stretches, orientations, PLANES_KEPT)
        Mutual information, nats.
    first_scale : int
        Index of the coarsest scale that resolves the section well enough to go on with.
    """

    poses: np.ndarray
    scores: np.ndarray
    first_scale: int


def scan_density(search: int) -> int:
    """Return how many times as many orientations a search scans as the first one.

    The first two searches scan alike, each later one twice as many orientations as the one before.
    """
    return 2 ** max(0, search - 1)


def stretches_up_to(limit: float) -> np.ndarray:
    """Return the stretches of one slide axis that a scan tries: those that no climb reaches."""
    count = int(limit / STRETCH_STEP + 1e-9)
    return STRETCH_STEP * np.arange(-count, count + 1)


def reaches_um(size_um: tuple[float, float], volume_size_um: np.ndarray) -> np.ndarray:
    """Return how far, along its x and y, a section's centre may lie from the volume's middle, µm.

    A section may lie anywhere inside the volume or stick out by a sixth of the volume's edge.

    Parameters
    ----------
    size_um : (width, height)
        Size of the slide, µm.
    volume_size_um : ndarray, shape (3,)

    Returns
    -------
    ndarray, shape (2,)
    """
    edge = float(np.median(volume_size_um))
    return np.array([abs(edge - size) / 2 + edge / 6 for size in size_um])


def depths_um(frames: np.ndarray, volume_size_um: np.ndarray) -> np.ndarray:
    """Return how far, along its normal, a section's plane may lie from the volume's middle, µm.

    Planes are scanned in the middle four fifths of the ellipsoid that fills the volume. In a long
    specimen that is most of its length for planes across it, and most of its width for planes
    along it.

    Parameters
    ----------
    frames : ndarray, shape (n, 2, 3)
    volume_size_um : ndarray, shape (3,)

    Returns
    -------
    ndarray, shape (n,)
    """
    return 0.4 * np.linalg.norm(frame_normals(frames) * volume_size_um, axis=1)


def scan(
    section: SectionScales,
    frames: np.ndarray,
    step_um: float,
    stretches: np.ndarray,
    rng: np.random.Generator,
) -> Scan:
    """Score a section at all positions of some orientations; return the best planes of each.

    Parameters
    ----------
    section : SectionScales
    frames : ndarray, shape (n, 2, 3)
        Orientations: volume directions of the section's x and y.
    step_um : float
        Distance between neighbouring positions, µm; at least two of the scanned section's pixels.
    stretches : ndarray
        Stretches of the slide's y axis (fractions) that are tried.
    rng : Generator
        Shifts all positions together at random.
    """
    scanned, pixel_um = _bin_section(section)
    volume = _bin_volume(section.scales, pixel_um)
    volume_size_um = np.array(volume.bins.shape[::-1]) * volume.voxel_um
    positions = _positions(section.size_um, volume_size_um, frames, step_um, pixel_um, rng)
    poses, scores = [], []
    for stretch in stretches:
        stretched = scanned._replace(pixel_um=scanned.pixel_um * (1, 1 + stretch))
        own_poses, own_scores = scan_positions(
            volume, stretched, positions, np.ascontiguousarray(frames), PLANES_KEPT
        )
        own_poses[..., SCALE_Y] = stretch
        poses.append(own_poses)
        scores.append(own_scores)
    resolving = [k for k, s in enumerate(section.scales) if s.voxel_um <= 1.3 * pixel_um]
    first_scale = resolving[0] if resolving else len(section.scales) - 1
    return Scan(np.stack(poses), np.stack(scores), first_scale)


def _bin_section(section: SectionScales) -> tuple[BinnedSection, float]:
    """Shrink a section to ``SCAN_PIXELS``; also return its mean pixel size, µm."""
    wanted_um = np.sqrt(np.prod(section.size_um) / SCAN_PIXELS)
    labels = label_colours(shrink(section.image, section.size_um, wanted_um), section.colours)
    pixel_um = np.array(section.size_um) / labels.shape[::-1]
    cells = labels.astype(np.uint16) * np.uint16(SCAN_BINS)
    return BinnedSection(cells, pixel_um), pixel_um.mean()


def _bin_volume(scales: list[Scale], pixel_um: float) -> BinnedVolume:
    """Reduce the volume to grey bins at the coarsest voxel size that resolves the pixels."""
    finer = [scale for scale in scales if scale.voxel_um <= 1.05 * pixel_um]
    source = (finer or scales[-1:])[0]
    # A pixel of the section is a mean over its area; the voxel that it meets must be one too.
    blur = 0.35 * pixel_um / source.voxel_um
    smooth = gaussian_filter(source.volume.astype(np.float32), blur)
    bin_of_grey = _bins_of_grey(scales[-1].volume, SCAN_BINS)
    bins = bin_of_grey[np.rint(smooth).astype(np.uint8)]
    return BinnedVolume(bins, source.voxel_um, bin_of_grey[int(source.air)], SCAN_BINS)


def _bins_of_grey(grey: np.ndarray, n_bins: int) -> np.ndarray:
    """Return the bin of each of the 256 grey values, uint8 (256,).

    Bins are finer where grey values are frequent, as the cube root of their density (the optimum
    of quantization theory): the wide, almost empty range up to a bright implant takes few bins.
    """
    density = np.bincount(grey[::2, ::2, ::2].ravel(), minlength=256)
    position = np.cumsum(np.cbrt(gaussian_filter1d(density.astype(float), 2)))
    position = (position - position[0]) / (position[-1] - position[0])
    return np.minimum(n_bins * position, n_bins - 1).astype(np.uint8)


def _positions(
    size_um: tuple[float, float],
    volume_size_um: np.ndarray,
    frames: np.ndarray,
    step_um: float,
    pixel_um: float,
    rng: np.random.Generator,
) -> Positions:
    """Return the grid of positions around the volume's middle, shifted at random."""
    step_px = max(2, round(step_um / pixel_um))
    spacing_um = step_px * pixel_um
    shift_um = rng.uniform(-0.5, 0.5, 3) * spacing_um
    reach = (reaches_um(size_um, volume_size_um) / spacing_um).astype(np.int64)
    depths = (depths_um(frames, volume_size_um) / spacing_um + 1e-9).astype(np.int64)
    return Positions(volume_size_um / 2 + shift_um, spacing_um, step_px, reach, depths)
