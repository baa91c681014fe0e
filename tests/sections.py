"""A small screw-in-bone phantom with a section cut through it, for the registration's tests."""

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial.transform import Rotation

from virtual_staining.imaging.geometry import SectionMap, pose_to_map
from virtual_staining.register.similarity.scales import (
    SectionScales,
    section_scales,
    volume_scales,
)

VOXEL_UM = 50.0
SIZE_VOXELS = (88, 92, 96)  # z, y, x
# air, marrow, bone, new bone, screw: colour is no monotonic function of grey
GREYS = np.array([4000, 9000, 22000, 15000, 40000])
COLOURS = np.array([[240, 242, 238], [90, 130, 200], [150, 80, 160], [40, 60, 190], [10, 10, 12]])


def phantom_labels(seed: int = 3) -> np.ndarray:
    """Return tissue labels (z, y, x): a threaded cylinder askew in a block of trabecular bone."""
    rng = np.random.default_rng(seed)
    z, y, x = ((np.indices(SIZE_VOXELS).T + 0.5) * VOXEL_UM).T - 2300.0
    blobs = gaussian_filter(rng.standard_normal(SIZE_VOXELS), 4)
    young = gaussian_filter(rng.standard_normal(SIZE_VOXELS), 6)
    labels = np.where(blobs > 0, 2, 1)
    labels[(blobs > 0) & (young > 0.5 * young.std())] = 3
    labels[x**2 + y**2 + z**2 > 2000.0**2] = 0
    p, q, r = (
        Rotation.from_euler("xyz", [20, -15, 40], degrees=True)
        .apply(np.stack([x.ravel(), y.ravel(), z.ravel()], 1))
        .T
    )
    thread = 700 + 120 * np.cos(2 * np.pi * r / 500 - np.arctan2(q, p))
    screw = (np.hypot(p, q) < thread) & (r > -1400)
    labels[screw.reshape(SIZE_VOXELS)] = 4
    return labels


def phantom_ct(labels: np.ndarray) -> np.ndarray:
    """Return the uint16 volume of the labels: blurred, with noise."""
    noise = np.random.default_rng(4).normal(0, 600, labels.shape)
    return np.clip(gaussian_filter(GREYS[labels].astype(float), 0.6) + noise, 0, 65535).astype("u2")


def cut(labels: np.ndarray, section: SectionMap, shape: tuple[int, int], pixel_um: float):
    """Return the stained section (y, x, 3) that a map takes to the volume."""
    y, x = np.indices(shape)
    points = (np.stack([x.ravel(), y.ravel()], 1) + 0.5) * pixel_um
    index = (section.to_volume(points) / VOXEL_UM - 0.5)[:, ::-1].T
    tissue = map_coordinates(labels, index, order=0, mode="constant", cval=0)
    colours = COLOURS[tissue].reshape(*shape, 3)
    noise = np.random.default_rng(5).normal(0, 4, colours.shape)
    return np.clip(colours + noise, 0, 255).astype(np.uint8)


def scales_of(
    ct: np.ndarray,
    slide: np.ndarray,
    size_um: tuple[float, float],
    coarse_um: float = 200.0,
    n_classes: int = 6,
    thickness_um: float = 0.0,
    voxel_um: float = VOXEL_UM,
) -> SectionScales:
    """Return a section beside its volume at all voxel sizes of a search."""
    volume = volume_scales(ct, voxel_um, coarse_um)
    return section_scales(volume, slide, size_um, n_classes, thickness_um)


def oblique_map(
    size_um: tuple[float, float], mirrored: bool = False, stretch=((1.02, 0.01), (0.0, 0.985))
) -> tuple[SectionMap, SectionMap]:
    """Return an oblique section's true map and the undistorted pose it was cut at."""
    frame = Rotation.from_euler("zyx", [25, 35, -20], degrees=True).as_matrix()
    u, v = frame[:, 0] * (-1 if mirrored else 1), frame[:, 1]
    rigid = pose_to_map([2380.0, 2250.0, 2200.0], u, v, size_um)
    u, v = (np.stack([u, v], 1) @ np.array(stretch)).T
    origin = [2380.0, 2250.0, 2200.0] - 0.5 * (size_um[0] * u + size_um[1] * v)
    return SectionMap(np.array(origin), u, v), rigid
