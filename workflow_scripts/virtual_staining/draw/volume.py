"""The volume that pictures and the page show: stain, CT, specimen, implant and uncertainty."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from virtual_staining.artefacts.rgba import deviation_levels
from virtual_staining.artefacts.volume import VolumeLevel
from virtual_staining.imaging.tissue.implant_body import implant_in_ct
from virtual_staining.settings.mask import MaskSettings
from virtual_staining.settings.normalize import NormalizeSettings

LEAST_ALPHA = 4  # of 255; below, a voxel is white background
CT_WINDOW = (0.5, 99.8)  # percentiles of the specimen without the implant, black and white
DOUBT_SHOWN = 99.5  # percentile of the uncertainty in the specimen that gets the last colour
METAL_LEVEL = 1.5  # an implant above this is denser than any bone (background 0, bone 1)


@dataclass(frozen=True)
class DrawnVolume:
    """A volume of at most a few hundred voxels a side.

    Parameters
    ----------
    rgb : ndarray of uint8, shape (z, y, x, 3)
        The stain.
    ct : ndarray of uint8, shape (z, y, x)
        The CT in shades of grey.
    specimen, implant : ndarray of bool, shape (z, y, x)
        Where something was stained; where the CT shows an implant.
    doubt : ndarray of uint8, shape (z, y, x), or None
        The uncertainty, if the volume has one; 255 stands for ``most_doubt`` and more.
    ct_window : (float, float)
        Grey levels of the CT's volume that are black and white.
    most_doubt : float
        Standard deviation, 8-bit levels.
    voxel_um : float
        Voxel size, µm.
    size_um : (x, y, z)
        Edges of the whole volume, µm; the last voxels may reach beyond.
    """

    rgb: np.ndarray
    ct: np.ndarray
    specimen: np.ndarray
    implant: np.ndarray
    doubt: np.ndarray | None
    ct_window: tuple[float, float]
    most_doubt: float
    voxel_um: float
    size_um: tuple[float, float, float]


def load_volume(
    stained: list[VolumeLevel],
    ct: list[VolumeLevel],
    scaling: tuple[float, float],
    longest: int,
    mask: MaskSettings,
    normalize: NormalizeSettings,
    doubt: list[VolumeLevel] | None = None,
) -> DrawnVolume:
    """Bring a stained volume and its CT to a longest side.

    Parameters
    ----------
    stained, ct : list of VolumeLevel
        Pyramids of one grid: (4, z, y, x) and (z, y, x).
    scaling : (scale, offset)
        Normalization of the CT's grey levels.
    longest : int
        Voxels of the longest side; a smaller volume keeps its size.
    mask, normalize
        As :func:`~virtual_staining.imaging.tissue.classes.implant_in_ct` takes them.
    doubt : list of VolumeLevel, optional
        The uncertainty on the same grid.
    """
    shape = stained[0].array.shape[1:]
    finest_um = stained[0].voxel_size_um
    voxel_um = finest_um * max(1.0, max(shape) / longest)
    size = tuple(n * finest_um for n in shape[::-1])
    rgba = np.stack([resampled(stained, voxel_um, longest, c) for c in range(4)])
    grey = resampled(ct, voxel_um, longest)
    level = np.clip(scaling[0] * grey + scaling[1], 0, 65535).astype(np.uint16)
    specimen = specimen_of(rgba[3])
    implant = implant_of(level, voxel_um, mask, normalize)
    rgb = without_white_rim(np.ascontiguousarray(np.moveaxis(rgba[:3], 0, -1)), specimen)
    colours, most = None, 1.0
    if doubt is not None:
        levels = deviation_levels(resampled(doubt, voxel_um, longest))
        colours, most = doubt_shown(levels, specimen & ~implant)
    window = window_of(grey, specimen & ~implant)
    return DrawnVolume(
        rgb=rgb.round().astype(np.uint8),
        ct=shades(grey, window),
        specimen=specimen | implant,
        implant=implant,
        doubt=colours,
        ct_window=window,
        most_doubt=most,
        voxel_um=voxel_um,
        size_um=(size[0], size[1], size[2]),
    )


def resampled(
    levels: list[VolumeLevel], voxel_um: float, longest: int, channel: int | None = None
) -> np.ndarray:
    """Average a pyramid into larger voxels, float32 (z, y, x).

    Parameters
    ----------
    levels : list of VolumeLevel
        Finest first.
    voxel_um : float
        Size of the new voxels, µm.
    longest : int
        The level that is read has at most twice as many voxels along its longest side.
    channel : int, optional
        Of volumes (c, z, y, x).
    """
    fitting = [x for x in levels if max(x.array.shape[-3:]) <= 2 * longest]
    level = fitting[0] if fitting else levels[-1]
    data = np.asarray(level.array[:] if channel is None else level.array[channel], np.float32)
    for axis, n in enumerate(levels[0].array.shape[-3:]):
        length = int(np.ceil(n * levels[0].voxel_size_um / voxel_um - 1e-6))
        weights = shares(data.shape[axis], level.voxel_size_um / voxel_um, length)
        data = np.moveaxis(np.tensordot(weights, data, (1, axis)), 0, axis)
    return data


def shares(n_old: int, ratio: float, n_new: int) -> np.ndarray:
    """Return the weights (new, old) of old voxels in new ones, by the lengths they share.

    ``ratio`` is the size of an old voxel over that of a new one.
    """
    edges = np.arange(n_old + 1) * ratio
    low, high = edges[:-1], edges[1:]
    new = np.arange(n_new)[:, None]
    shared = np.clip(np.minimum(high, new + 1) - np.maximum(low, new), 0, None)
    return (shared / shared.sum(1, keepdims=True)).astype(np.float32)


def specimen_of(alpha: np.ndarray) -> np.ndarray:
    """Return the stained body of an alpha channel (z, y, x) with its clear places inside, bool."""
    body = ndimage.binary_opening(alpha > LEAST_ALPHA)
    return np.stack([ndimage.binary_fill_holes(plane) for plane in body])


def without_white_rim(rgb: np.ndarray, specimen: np.ndarray) -> np.ndarray:
    """Give the outermost voxels of the specimen the mean colour of those further inside.

    Averaging into larger voxels mixed the white around the specimen into them; on cut faces they
    would show as a white line.

    Parameters
    ----------
    rgb : ndarray of float32, shape (z, y, x, 3)
        Is changed.
    specimen : ndarray of bool, shape (z, y, x)
    """
    inner = ndimage.binary_erosion(specimen)
    share = ndimage.uniform_filter(inner.astype(np.float32), 3)
    rim = specimen & ~inner & (share > 0.01)
    for c in range(3):
        mean = ndimage.uniform_filter(np.where(inner, rgb[..., c], 0), 3)
        rgb[rim, c] = mean[rim] / share[rim]
    return rgb


def implant_of(
    level: np.ndarray, voxel_um: float, mask: MaskSettings, normalize: NormalizeSettings
) -> np.ndarray:
    """Return where the normalized CT (z, y, x) shows an implant, bool.

    An implant denser than any bone is taken whole, as far as its thinnest thread.
    """
    implant = implant_in_ct(level, voxel_um, mask, normalize)
    if not implant.any():
        return implant
    span = normalize.bone_mean - normalize.background_mean
    dense = (np.median(level[implant]) - normalize.background_mean) / span
    if dense < METAL_LEVEL:
        return implant
    halfway = normalize.background_mean + (1 + dense) / 2 * span
    labels, _ = ndimage.label(level > halfway)
    return np.isin(labels, np.unique(labels[implant & (labels > 0)]))


def doubt_shown(levels: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, float]:
    """Return standard deviations (z, y, x) as uint8, and the 8-bit levels that 255 stands for."""
    most = float(np.ceil(np.percentile(levels[shown], DOUBT_SHOWN))) if shown.any() else 1.0
    most = max(most, 1.0)
    return np.rint(np.minimum(levels / most, 1) * 255).astype(np.uint8), most


def window_of(grey: np.ndarray, shown: np.ndarray) -> tuple[float, float]:
    """Return the percentiles of the voxels ``shown`` that are drawn black and white."""
    low, high = np.percentile(grey[shown] if shown.any() else grey, CT_WINDOW)
    return float(low), float(high)


def shades(grey: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Return grey levels as uint8, those of the window's ends black and white."""
    low, high = window
    return np.clip((grey - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
