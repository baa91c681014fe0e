"""What rays through a stained volume meet: colours, opacity, surfaces, the implant."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from virtual_staining.draw.volume import DrawnVolume

SMOOTH_VOXEL = 1.2  # blur of the fields that surfaces' directions come from
# Opacity below this is drawn clear: marrow is pale, but along a ray the small opacity of hundreds
# of samples would add up and hide what lies behind.
CLEAR = 0.22
IMPLANT_SMOOTH_VOXEL = 1.0
BLOCK = 8  # voxels a side; rays pass empty blocks quickly


class Fields(NamedTuple):
    """What the rays meet; arrays (z, y, x[, …]).

    Parameters
    ----------
    colour : ndarray of uint8, (z, y, x, 5)
        Red, green, blue, CT, and 255 in the specimen.
    opacity : ndarray of float32
        Of a path as long as a voxel, 0 to 1.
    slope : ndarray of float32, (z, y, x, 3)
        Gradient of the blurred opacity along x, y, z.
    implant : ndarray of float32
        Blurred implant; its surface is at 0.5.
    filled : ndarray of uint8
        Of blocks of ``BLOCK`` voxels: 0 where rays meet nothing, 1 tissue alone, 2 the implant.
    """

    colour: np.ndarray
    opacity: np.ndarray
    slope: np.ndarray
    implant: np.ndarray
    filled: np.ndarray


def fields_of(volume: DrawnVolume) -> Fields:
    """Return what rays through a volume meet."""
    specimen = volume.specimen
    colour = np.concatenate(
        [volume.rgb, volume.ct[..., None], specimen[..., None] * np.uint8(255)], axis=-1
    )
    alpha = (1 - volume.rgb.mean(-1, dtype=np.float32) / 255) * specimen
    opacity = np.clip((alpha - CLEAR) / (1 - CLEAR), 0, 1).astype(np.float32)
    smooth = ndimage.gaussian_filter(alpha.astype(np.float32), SMOOTH_VOXEL)
    slope = np.stack(np.gradient(smooth)[::-1], axis=-1)
    implant = ndimage.gaussian_filter(volume.implant.astype(np.float32), IMPLANT_SMOOTH_VOXEL)
    filled = np.maximum(_blocks(opacity > 0), 2 * _blocks(implant > 0.1))
    return Fields(np.ascontiguousarray(colour), opacity, slope, implant, filled)


def _blocks(field: np.ndarray) -> np.ndarray:
    """Return whether a block or one beside it holds anything (bool field), uint8."""
    pad = [(0, -n % BLOCK) for n in field.shape]
    field = np.pad(field, pad)
    for axis in range(3):
        shape = list(field.shape)
        shape[axis : axis + 1] = [shape[axis] // BLOCK, BLOCK]
        field = field.reshape(shape).any(axis + 1)
    return ndimage.binary_dilation(field, np.ones((3, 3, 3))).astype(np.uint8)
