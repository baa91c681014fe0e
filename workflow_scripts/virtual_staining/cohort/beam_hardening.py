"""Beam hardening: the smooth error of a reconstruction whose line integrals are too low."""

import cv2
import numpy as np


def hardening_error(
    volume: np.ndarray, voxel_um: float, bone_per_mm: float, strength: float
) -> np.ndarray:
    """Error of the reconstruction when line integrals p are recorded as p − strength · p².

    A polychromatic beam does so, and so do stray light and higher harmonics of a monochromatic
    one: a background of a share f of the beam lowers p by ln(1 + f exp p).

    The error is smooth, so a coarse volume is enough: cupping in dense bodies and dark bands
    between them, as metal causes.

    Parameters
    ----------
    volume : ndarray, shape (z, y, x), float32
        Attenuation relative to bone; y and x of equal length, the tomographic axis along z
        through the middle.
    voxel_um : float
        Voxel size, µm.
    bone_per_mm : float
        Attenuation of cortical bone, 1/mm.
    strength : float
        Coefficient of the quadratic term.

    Returns
    -------
    ndarray, shape (z, y, x), float32
        To be added to the volume.
    """
    size = volume.shape[1]
    side = int(np.ceil(size * 1.5))  # so that corners stay inside while turning
    angles_deg = np.linspace(0, 180, 60, endpoint=False)
    scale = bone_per_mm * voxel_um / 1000
    ramp = np.abs(np.fft.rfftfreq(2 * side))
    error = np.zeros_like(volume)
    for z, plane in enumerate(volume):
        if not plane.any():
            continue
        total = np.zeros((side, side), np.float32)
        for angle in angles_deg:
            turn = _rotation(angle, size, side)
            sums = cv2.warpAffine(plane, turn, (side, side)).sum(0) * scale
            wrong = -strength * sums**2
            filtered = np.fft.irfft(np.fft.rfft(wrong, 2 * side) * ramp)[:side]
            spread = np.broadcast_to(filtered.astype(np.float32), (side, side))
            back = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), -angle, 1)
            total += cv2.warpAffine(np.ascontiguousarray(spread), back, (side, side))
        start = (side - size) // 2
        inner = total[start : start + size, start : start + size]
        error[z] = inner * (np.pi / angles_deg.size / scale)
    return error


def _rotation(angle_deg: float, size: int, side: int) -> np.ndarray:
    """Affine that centres a (size, size) image in (side, side) and turns it."""
    turn = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle_deg, 1)
    start = (side - size) // 2
    turn[:, 2] += turn[:, :2] @ np.array([start, start])
    return turn
