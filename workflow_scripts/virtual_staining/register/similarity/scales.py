"""Volume and section at several voxel sizes: grey values of the one, colour classes of the other.

The searches start at the coarsest scale, where a score is cheap, and end at the finest.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial import cKDTree
from sklearn.cluster import KMeans

from virtual_staining.imaging.ct_plane import thickness_offsets
from virtual_staining.imaging.halving import halve

KMEANS_PIXELS = 20_000
CLIP_PERCENT = (0.1, 99.9)  # single very bright or dark voxels must not take up the grey bins
SMALLEST_EDGE = 16  # voxels; a volume with a shorter edge is not halved again


class Scale(NamedTuple):
    """Volume and section at one voxel size; a named tuple, which the compiled functions accept.

    Parameters
    ----------
    volume : ndarray, uint8 (z, y, x)
    voxel_um : float
    air : float
        Grey value taken outside the volume.
    labels : ndarray, uint8 (y, x)
        Colour class of each pixel of the section.
    n_classes : int
        Number of colour classes.
    pixel_um : ndarray, shape (2,)
        Width and height of the section's pixels, µm.
    offsets_um : ndarray
        Distances from the plane over which the volume is averaged, because the section is thick.
    """

    volume: np.ndarray
    voxel_um: float
    air: float
    labels: np.ndarray
    n_classes: int
    pixel_um: np.ndarray
    offsets_um: np.ndarray


@dataclass(frozen=True)
class VolumeScales:
    """The volume at several voxel sizes; all sections of a block share it.

    Parameters
    ----------
    volumes : list of ndarray, uint8 (z, y, x)
        Fine to coarse.
    voxel_sizes_um : list of float
        Of each of them.
    air : float
        Grey value of the air around the specimen.
    """

    volumes: list[np.ndarray]
    voxel_sizes_um: list[float]
    air: float


@dataclass(frozen=True)
class SectionScales:
    """A section beside its volume at several voxel sizes: all that a search reads.

    Parameters
    ----------
    scales : list of Scale
        Coarse to fine; sections of one block share the volumes.
    image : ndarray, uint8 (y, x, 3)
        The section, RGB, pixels no larger than the finest voxels.
    colours : ndarray, shape (classes, 3)
        Its main colours: the mean RGB of each colour class.
    size_um : (width, height)
        Size of the slide, µm.
    order : int or None
        Its place among the sections cut from its block, if the sample sheet names it.
    """

    scales: list[Scale]
    image: np.ndarray
    colours: np.ndarray
    size_um: tuple[float, float]
    order: int | None = None


def volume_scales(
    volume: np.ndarray, voxel_um: float, coarse_um: float, measured: np.ndarray | None = None
) -> VolumeScales:
    """Halve a volume until its voxel size is as near (in ratio) to ``coarse_um`` as it gets.

    Parameters
    ----------
    volume : ndarray, uint16 (z, y, x)
        The finest grey volume that the search uses.
    voxel_um : float
        Its voxel size, µm.
    coarse_um : float
        Voxel size at which the search starts, µm.
    measured : ndarray, bool (z, y, x), optional
        Where the volume was measured; elsewhere it gets the grey value of air, which is also taken
        outside the volume. By default everywhere.
    """
    grey = _to_bytes(volume, measured)
    faces = _faces(grey)
    if measured is not None:
        faces = faces[_faces(measured)]
    air = float(np.median(faces if faces.size else grey[measured]))
    if measured is not None:
        grey[~measured] = round(air)
    volumes, sizes_um = [grey], [float(voxel_um)]
    while sizes_um[-1] * np.sqrt(2) < coarse_um and min(volumes[-1].shape) >= SMALLEST_EDGE:
        volumes.append(_halved(volumes[-1]))
        sizes_um.append(2 * sizes_um[-1])
    return VolumeScales(volumes, sizes_um, air)


def section_scales(
    volume: VolumeScales,
    image: np.ndarray,
    size_um: tuple[float, float],
    n_classes: int,
    thickness_um: float,
) -> SectionScales:
    """Bring a section to the voxel sizes of its volume and reduce it to colour classes.

    Parameters
    ----------
    volume : VolumeScales
    image : ndarray, uint8 (y, x, 3)
        The section, pixels no larger than the finest voxels.
    size_um : (width, height)
        Size of the slide, µm.
    n_classes : int
        Number of colour classes; fewer if the section has fewer colours.
    thickness_um : float
        Thickness of the section, µm.
    """
    images = [shrink(image, size_um, voxel_um) for voxel_um in volume.voxel_sizes_um]
    colours = _main_colours(images[min(1, len(images) - 1)], n_classes)
    scales = [
        Scale(
            grey,
            voxel_um,
            volume.air,
            label_colours(small, colours),
            len(colours),
            np.array(size_um) / (small.shape[1], small.shape[0]),
            thickness_offsets(thickness_um, voxel_um),
        )
        for grey, voxel_um, small in zip(volume.volumes, volume.voxel_sizes_um, images, strict=True)
    ]
    return SectionScales(scales[::-1], image, colours, size_um)


def _faces(volume: np.ndarray) -> np.ndarray:
    """Return the voxels of a volume's six faces, (n,)."""
    faces = (volume[0], volume[-1], volume[:, 0], volume[:, -1], volume[:, :, 0], volume[:, :, -1])
    return np.concatenate([face.ravel() for face in faces])


def _to_bytes(volume: np.ndarray, measured: np.ndarray | None) -> np.ndarray:
    """Scale grey values to 0–255, clipped at ``CLIP_PERCENT``, plane by plane to save memory."""
    sample = volume[::2, ::2, ::2]
    if measured is not None and measured[::2, ::2, ::2].any():
        sample = sample[measured[::2, ::2, ::2]]
    low, high = np.percentile(sample, CLIP_PERCENT)
    factor = 255 / max(high - low, 1)
    out = np.empty(volume.shape, np.uint8)
    for plane, grey in zip(volume, out, strict=True):
        grey[:] = np.clip((plane - low) * factor + 0.5, 0, 255)
    return out


def _halved(grey: np.ndarray) -> np.ndarray:
    """Return the means of 2 x 2 x 2 voxels, without the last plane of an odd axis."""
    z, y, x = (n - n % 2 for n in grey.shape)
    return halve(grey[np.newaxis, :z, :y, :x])[0]


def shrink(image: np.ndarray, size_um: tuple[float, float], pixel_um: float) -> np.ndarray:
    """Return an image averaged to about a pixel size, with a whole number of pixels a side.

    Parameters
    ----------
    image : ndarray, uint8 (y, x, 3)
    size_um : (width, height)
        Physical size of the image, µm.
    pixel_um : float
        Pixel size wanted, µm.
    """
    width, height = (max(2, round(side / pixel_um)) for side in size_um)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def label_colours(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return which of the colours (n, 3) is nearest to each pixel (y, x, 3), uint8 (y, x)."""
    nearest = cKDTree(colours).query(image.reshape(-1, 3))[1]
    return nearest.reshape(image.shape[:2]).astype(np.uint8)


def _main_colours(image: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the means (classes, 3) of the k-means clusters of an image's pixels."""
    pixels = image.reshape(-1, 3).astype(float)
    step = -(-len(pixels) // KMEANS_PIXELS)
    different = len(np.unique(pixels[::step], axis=0))
    clusters = KMeans(min(n_classes, different), n_init=2, random_state=0).fit(pixels[::step])
    return clusters.cluster_centers_
