"""The resolutions that the search climbs through: grey volume and colour classes side by side."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.spatial import cKDTree
from sklearn.cluster import KMeans

KMEANS_PIXELS = 20_000
CLIP_PERCENT = (0.1, 99.9)  # single very bright or dark voxels must not take up the grey bins


@dataclass(frozen=True)
class Scale:
    """One resolution of volume and section.

    Parameters
    ----------
    volume : ndarray, uint8 (z, y, x)
    voxel_um : float
    air : float
        Grey value taken outside the volume.
    labels : ndarray, uint8 (y, x)
        Colour class of each slide pixel.
    pixel_um : ndarray, shape (2,)
        Slide pixel's width and height.
    offsets_um : ndarray
        Distances from the plane that are averaged: the section's thickness.
    """

    volume: np.ndarray
    voxel_um: float
    air: float
    labels: np.ndarray
    pixel_um: np.ndarray
    offsets_um: np.ndarray

    @property
    def arguments(self) -> tuple:
        """Leading arguments of the compiled functions."""
        return (
            self.volume, self.voxel_um, self.air, self.labels, self.pixel_um, self.offsets_um
        )  # fmt: skip


@dataclass(frozen=True)
class Member:
    """What a search knows of one section.

    Parameters
    ----------
    scales : list of Scale
        Coarse to fine; sections of one block share the volumes.
    image : ndarray, uint8 (y, x, 3)
        The slide.
    colours : ndarray, shape (classes, 3)
        Its main colours.
    size_um : (width, height)
        Size of the slide.
    """

    scales: list[Scale]
    image: np.ndarray
    colours: np.ndarray
    size_um: tuple[float, float]


def thickness_offsets(thickness_um: float, voxel_um: float) -> np.ndarray:
    """Return the distances from the plane (µm) at which a section of a thickness is sampled.

    One sample for each voxel of thickness, at the middle of equal layers; ``[0.]`` when the
    section is no thicker than a voxel.
    """
    n = max(1, round(thickness_um / voxel_um))
    return ((np.arange(n) + 0.5) / n - 0.5) * (thickness_um if n > 1 else 0.0)


def make_scales(
    volume: np.ndarray,
    voxel_um: float,
    slide: np.ndarray,
    slide_size_um: tuple[float, float],
    coarse_um: float,
    classes: int,
    thickness_um: float,
) -> tuple[list[Scale], np.ndarray]:
    """Build the scales, coarse to fine, by halving the volume.

    Parameters
    ----------
    volume : ndarray, uint16 (z, y, x)
        The finest grey volume that the search uses.
    voxel_um : float
        Its voxel size.
    slide : ndarray, uint8 (y, x, 3)
        The section, pixels no larger than the voxels.
    slide_size_um : (width, height)
        Physical size of the section.
    coarse_um : float
        Halving goes on while it brings the voxel size nearer (in ratio) to this.
    classes : int
        Number of colour classes.
    thickness_um : float
        Section thickness.

    Returns
    -------
    scales : list of Scale
    colours : ndarray, float (classes, 3)
        Mean RGB of each class.
    """
    volumes, air = halvings(volume, voxel_um, coarse_um)
    return section_scales(volumes, air, slide, slide_size_um, classes, thickness_um)


def halvings(
    volume: np.ndarray, voxel_um: float, coarse_um: float
) -> tuple[list[tuple[np.ndarray, float]], float]:
    """Return the volume as (bytes, voxel size) fine to coarse, and its air's grey value.

    Sections of one volume share them; the parameters are those of :func:`make_scales`.
    """
    grey = _to_bytes(volume)
    faces = [grey[0], grey[-1], grey[:, 0], grey[:, -1], grey[:, :, 0], grey[:, :, -1]]
    air = float(np.median(np.concatenate([face.ravel() for face in faces])))
    volumes = [(grey, voxel_um)]
    while volumes[-1][1] * np.sqrt(2) < coarse_um and min(volumes[-1][0].shape) >= 16:
        volumes.append((_halve(volumes[-1][0]), 2 * volumes[-1][1]))
    return volumes, air


def section_scales(
    volumes: list[tuple[np.ndarray, float]],
    air: float,
    slide: np.ndarray,
    slide_size_um: tuple[float, float],
    classes: int,
    thickness_um: float,
) -> tuple[list[Scale], np.ndarray]:
    """Set a section beside what :func:`halvings` returned; as :func:`make_scales`."""
    images = [shrink(slide, slide_size_um, voxel) for _, voxel in volumes]
    colours = _main_colours(images[min(1, len(images) - 1)], classes)
    scales = [
        Scale(
            grey,
            float(voxel),
            air,
            label_colours(image, colours),
            np.array(slide_size_um) / (image.shape[1], image.shape[0]),
            thickness_offsets(thickness_um, voxel),
        )
        for (grey, voxel), image in zip(volumes, images, strict=True)
    ]
    return scales[::-1], colours


def _to_bytes(volume: np.ndarray) -> np.ndarray:
    sample = volume[::2, ::2, ::2]
    low, high = np.percentile(sample, CLIP_PERCENT)
    factor = 255 / max(high - low, 1)
    out = np.empty(volume.shape, np.uint8)
    for plane, grey in zip(volume, out, strict=True):
        grey[:] = np.clip((plane - low) * factor + 0.5, 0, 255)
    return out


def _halve(grey: np.ndarray) -> np.ndarray:
    z, y, x = (n - n % 2 for n in grey.shape)
    blocks = grey[:z, :y, :x].reshape(z // 2, 2, y // 2, 2, x // 2, 2)
    return ((blocks.sum((1, 3, 5), dtype=np.uint16) + 4) // 8).astype(np.uint8)


def shrink(slide: np.ndarray, size_um: tuple[float, float], pixel_um: float) -> np.ndarray:
    """Return the slide at about a pixel size: whole pixels on each side, averaged."""
    width, height = (max(2, round(s / pixel_um)) for s in size_um)
    return cv2.resize(slide, (width, height), interpolation=cv2.INTER_AREA)


def label_colours(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return the number of the nearest colour (n, 3) of each pixel (y, x, 3), uint8 (y, x)."""
    nearest = cKDTree(colours).query(image.reshape(-1, 3))[1]
    return nearest.reshape(image.shape[:2]).astype(np.uint8)


def _main_colours(image: np.ndarray, classes: int) -> np.ndarray:
    pixels = image.reshape(-1, 3).astype(float)
    step = -(-len(pixels) // KMEANS_PIXELS)
    different = len(np.unique(pixels[::step], axis=0))
    clusters = KMeans(min(classes, different), n_init=2, random_state=0).fit(pixels[::step])
    return clusters.cluster_centers_
