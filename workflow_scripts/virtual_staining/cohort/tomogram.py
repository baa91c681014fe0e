"""The tomogram: the phantom as a scanner would reconstruct it, one slice after the other."""

from collections import deque
from collections.abc import Iterator

import cv2
import numpy as np
from scipy import ndimage

from virtual_staining.cohort.beam_hardening import hardening_error
from virtual_staining.cohort.scan import Scan
from virtual_staining.cohort.specimen.attenuation import attenuation_per_mm, attenuation_table
from virtual_staining.cohort.specimen.fields import GridFields
from virtual_staining.cohort.specimen.labels import Label
from virtual_staining.cohort.specimen.phantom import (
    TUBE_WALL_UM,
    Phantom,
    attenuation,
    in_reach,
    tissue,
)

BLUR_VOXELS = 0.55
FRINGE_VOXELS = 1.3
HALO = 4
COARSE_STEPS = 60


def ct_slices(
    phantom: Phantom, scan: Scan, block_px: int, voxel_um: float, z_range: range | None = None
) -> Iterator[np.ndarray]:
    """Yield reconstructed slices (y, x) in the scan's dtype.

    A slice depends on its own height alone, not on where the range begins, and only a few slices
    are held at once: memory does not grow with the block.

    Parameters
    ----------
    phantom, scan
        The block and how it is scanned.
    block_px : int
        Voxels along each edge.
    voxel_um : float
        Voxel size, µm.
    z_range : range, optional
        Which slices; all by default.
    """
    z_range = range(block_px) if z_range is None else z_range
    clean = CleanSlices(phantom, scan.energy_kev, block_px, voxel_um)
    error = _Hardening(phantom, scan, block_px * voxel_um, block_px, voxel_um)
    rings = _Rings(scan, block_px, voxel_um)
    window: deque[np.ndarray] = deque(
        (clean.at(z) for z in range(z_range.start - HALO, z_range.start + HALO)),
        maxlen=2 * HALO + 1,
    )
    for z in z_range:
        window.append(clean.at(z + HALO))
        value = _blur(window, BLUR_VOXELS)
        if scan.fringe:
            value += scan.fringe * (value - _blur(window, FRINGE_VOXELS))
        value += error.at(z) + rings.at(z) + _noise(scan, z, value)
        yield to_grey(scan, value)


class CleanSlices:
    """Attenuation of block and tube at the voxel centres of any slice, free of artefacts."""

    def __init__(self, phantom: Phantom, energy_kev: float, block_px: int, voxel_um: float):
        self._phantom, self._voxel_um = phantom, voxel_um
        self._table = attenuation_table(phantom.implant, energy_kev)
        centres = (np.arange(block_px) + 0.5) * voxel_um
        self._fields = GridFields(phantom.lattices, centres, centres)
        r = phantom.rotation
        x, y = (centres - phantom.center_um[0])[None, :], (centres - phantom.center_um[1])[:, None]
        self._flat = [(r[k, 0] * x + r[k, 1] * y).astype(np.float32) for k in range(3)]
        self._tube = self._tube_wall(centres)

    def at(self, z: int) -> np.ndarray:
        """Slice z: float32 (y, x) relative to bone."""
        z_um = (z + 0.5) * self._voxel_um
        height = z_um - self._phantom.center_um[2]
        turn = self._phantom.rotation[:, 2]
        local = np.stack([p + np.float32(turn[k] * height) for k, p in enumerate(self._flat)])
        inside = np.flatnonzero(in_reach(self._phantom, local))
        value = self._tube.copy()
        if inside.size:
            fields = {k: v.ravel()[inside] for k, v in self._fields.at(z_um).items()}
            points = local.reshape(3, -1)[:, inside]
            found = tissue(self._phantom, points, fields, self._voxel_um)
            value.ravel()[inside] = np.maximum(
                value.ravel()[inside], attenuation(self._table, found)
            )
        return value

    def _tube_wall(self, centres: np.ndarray) -> np.ndarray:
        """The holder's wall, softened over one voxel, with the axis along z."""
        cx, cy = self._phantom.tube_center_um
        radius = np.hypot(centres[None, :] - cx, centres[:, None] - cy)
        depth = TUBE_WALL_UM / 2 - np.abs(radius - self._phantom.tube_radius_um - TUBE_WALL_UM / 2)
        share = np.clip(depth / self._voxel_um + 0.5, 0, 1)
        return (self._table[Label.TUBE] * share).astype(np.float32)


class _Hardening:
    """The beam-hardening error, computed on a coarse copy of the block and interpolated."""

    def __init__(
        self, phantom: Phantom, scan: Scan, block_um: float, block_px: int, voxel_um: float
    ):
        coarse_um = block_um / COARSE_STEPS
        clean = CleanSlices(phantom, scan.energy_kev, COARSE_STEPS, coarse_um)
        volume = np.stack([clean.at(z) for z in range(COARSE_STEPS)])
        bone_per_mm = attenuation_per_mm("cortical bone", scan.energy_kev)
        self._error = hardening_error(volume, coarse_um, bone_per_mm, scan.hardening)
        self._size, self._ratio = block_px, voxel_um / coarse_um

    def at(self, z: int) -> np.ndarray:
        position = np.clip((z + 0.5) * self._ratio - 0.5, 0, COARSE_STEPS - 1.001)
        low = int(position)
        part = np.float32(position - low)
        plane = (1 - part) * self._error[low] + part * self._error[low + 1]
        return cv2.resize(plane, (self._size, self._size), interpolation=cv2.INTER_LINEAR)


class _Rings:
    """Rings about the tomographic axis: detector columns whose gain is slightly off."""

    def __init__(self, scan: Scan, block_px: int, voxel_um: float):
        centres = (np.arange(block_px) + 0.5) * voxel_um
        x, y = centres - scan.axis_um[0], centres - scan.axis_um[1]
        self._bin = (np.hypot(x[None, :], y[:, None]) / voxel_um).astype(np.int32)
        self._count = int(self._bin.max()) + 1
        self._fade = np.minimum(1, 12 / np.sqrt(np.arange(self._count) + 1.0))
        self._scan = scan
        self._lasting = self._profile(0)

    def _profile(self, key: int) -> np.ndarray:
        rng = np.random.default_rng([*self._scan.seed, 1, key])
        profile = rng.standard_normal(self._count)
        profile *= rng.random(self._count) < 0.25  # most detector pixels are fine
        return profile * self._fade * self._scan.ring

    def at(self, z: int) -> np.ndarray:
        profile = 0.8 * self._lasting + 0.6 * self._profile(z + 1)
        return profile.astype(np.float32)[self._bin]


def _blur(window: deque, sigma: float) -> np.ndarray:
    """Gaussian blur of the window's middle slice in all three directions, sigma in voxels."""
    weights = np.exp(-0.5 * (np.arange(-HALO, HALO + 1) / sigma) ** 2)
    weights = (weights / weights.sum()).astype(np.float32)
    total = np.zeros_like(window[0])
    for weight, plane in zip(weights, window, strict=True):
        if weight > 1e-4:
            total += weight * plane
    return cv2.GaussianBlur(total, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def _noise(scan: Scan, z: int, value: np.ndarray) -> np.ndarray:
    """Photon noise: stronger behind dense matter, slightly correlated by the reconstruction."""
    rng = np.random.default_rng([*scan.seed, 2, z])
    white = rng.standard_normal(value.shape, np.float32)
    grain = 1.5 * (white - 0.4 * ndimage.uniform_filter(white, 3))
    grain = cv2.GaussianBlur(grain, (0, 0), 0.6)
    return np.float32(scan.noise) * grain * np.sqrt(1 + 0.4 * np.maximum(value, 0))


def to_grey(scan: Scan, value: np.ndarray) -> np.ndarray:
    """Scale attenuation to the scan's grey levels; integers are rounded and saturate."""
    grey = np.float32(scan.background) + np.float32(scan.bone - scan.background) * value
    if scan.dtype == "float32":
        return grey.astype(np.float32)
    limit = np.iinfo(scan.dtype).max
    return np.clip(np.rint(grey), 0, limit).astype(scan.dtype)
