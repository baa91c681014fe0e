"""A displacement of soft tissue between a section and what its CT predicts; bone stays.

Soft tissue moves when a section is cut and glued; bone keeps the registration true. A prediction of
the section from its CT is compared with the section by dense optical flow (DIS, Kroeger et al.
2016, ECCV). The flow counts only where flow there and back agree, is smoothed over soft tissue
alone, and ends at the border of rigid tissue.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates
from skimage.color import rgb2gray
from skimage.metrics import structural_similarity

EDGE_UM = 10.0  # blur of the soft tissue's border, over which the displacement fades out
LEAST_JACOBIAN = 0.2  # a field that squeezes tissue more is weakened
WEAKEN, MOST_WEAKENINGS = 0.8, 20
FEW = 1e-3  # share of counting pixels around a pixel below which nothing is known there
SSIM_WINDOW_PX = 7


@dataclass(frozen=True)
class SoftField:
    """A displacement of soft tissue.

    Parameters
    ----------
    shift_px : ndarray of float32, shape (2, y, x)
        Along x and y: the tissue that belongs at a pixel lies at the pixel plus its shift.
    trusted : ndarray of bool, shape (y, x)
        Soft tissue where flow there and back agree.
    return_px : float
        Median distance from a pixel to where flow there and back ends, over soft tissue.
    """

    shift_px: np.ndarray
    trusted: np.ndarray
    return_px: float


def find_soft_field(
    predicted: np.ndarray,
    slide: np.ndarray,
    soft: np.ndarray,
    pixel_um: float,
    smooth_um: float,
    max_um: float,
    check_px: float,
) -> SoftField:
    """Find the displacement that brings a section's soft tissue onto a prediction of the section.

    Parameters
    ----------
    predicted, slide : ndarray of uint8, shape (y, x, 3)
        The section as its CT predicts it, and the section.
    soft : ndarray of bool, shape (y, x)
        Soft tissue; everything else stays.
    pixel_um : float
        Pixel size, µm.
    smooth_um : float
        Standard deviation of the Gaussian that smooths the field, µm.
    max_um : float
        Largest displacement, µm.
    check_px : float
        Distance up to which flow there and back agree, px.
    """
    fixed, moving = (lightness(image, soft) for image in (predicted, slide))
    there, back = flow(fixed, moving), flow(moving, fixed)
    away = there + warped(back, there)
    distance = np.hypot(*away)
    trusted = soft & (distance < check_px)
    smooth_px = smooth_um / pixel_um
    counted = gaussian_filter(trusted.astype(np.float32), smooth_px)
    field = np.stack([gaussian_filter(np.where(trusted, f, 0), smooth_px) for f in there])
    field = np.where(counted > FEW, field / np.maximum(counted, FEW), 0)
    field *= min(1.0, max_um / pixel_um / max(float(np.hypot(*field)[soft].max(initial=0)), 1e-6))
    for _ in range(MOST_WEAKENINGS):
        if jacobian(field)[soft].min(initial=1.0) > LEAST_JACOBIAN:
            break
        field *= WEAKEN
    # Only now: soft tissue glides along bone, so the field may end there within a pixel or two.
    field *= gaussian_filter(soft.astype(np.float32), EDGE_UM / pixel_um) * soft
    median = float(np.median(distance[soft])) if soft.any() else 0.0
    return SoftField(field.astype(np.float32), trusted, median)


def lightness(image: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """Return grey values uint8 (y, x), stretched so that soft tissue fills their range."""
    grey = rgb2gray(image)
    low, high = np.percentile(grey[soft], [1, 99]) if soft.any() else (0.0, 1.0)
    return (np.clip((grey - low) / max(high - low, 1e-3), 0, 1) * 255).astype(np.uint8)


def flow(fixed: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """Return the flow (2, y, x), px: what is at a pixel of ``fixed`` lies there in ``moving``."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    finder.setFinestScale(0)
    start = np.zeros((*fixed.shape, 2), np.float32)
    return np.moveaxis(finder.calc(fixed, moving, start), 2, 0)


def warped(image: np.ndarray, shift_px: np.ndarray) -> np.ndarray:
    """Return an image (…, y, x) or, if uint8, (y, x, 3) with the pixel at its place plus a shift.

    Parameters
    ----------
    image : ndarray
    shift_px : ndarray, shape (2, y, x)
        Along x and y.
    """
    y, x = np.indices(shift_px.shape[1:], np.float32)
    at = np.stack([x, y]).astype(np.float32) + shift_px.astype(np.float32)
    if image.dtype == np.uint8:
        border = cv2.BORDER_REPLICATE
        return cv2.remap(image, at[0], at[1], cv2.INTER_LINEAR, borderMode=border)
    return np.stack([map_coordinates(part, at[::-1], order=1, mode="nearest") for part in image])


def moved_soft(slide: np.ndarray, shift_px: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """Return a slide with its soft tissue displaced; no other tissue's colour is drawn over it.

    Parameters
    ----------
    slide : ndarray of uint8, shape (y, x, 3)
    shift_px : ndarray, shape (2, y, x)
    soft : ndarray of bool, shape (y, x)
        A pixel changes only if it is soft tissue and what it takes is soft tissue wholly.
    """
    wholly = warped(soft.astype(np.uint8) * 255, shift_px) == 255
    return np.where((soft & wholly)[..., None], warped(slide, shift_px), slide)


def jacobian(shift_px: np.ndarray) -> np.ndarray:
    """Return the determinant of a field's Jacobian (y, x); below 0 tissue folds over itself."""
    (xy, xx), (yy, yx) = (np.gradient(part) for part in shift_px)
    return (1 + xx) * (1 + yy) - xy * yx


def folded_share(shift_px: np.ndarray, soft: np.ndarray, pixel_um: float) -> float:
    """Return the fraction of soft tissue (y, x) that a field folds over itself.

    The rim, in which the field ends at other tissue on purpose, is left out.
    """
    inner = distance_transform_edt(soft) * pixel_um > 2 * EDGE_UM
    return float((jacobian(shift_px)[inner] <= 0).mean()) if inner.any() else 0.0


def soft_similarity(predicted: np.ndarray, slide: np.ndarray, soft: np.ndarray) -> float:
    """Return the mean SSIM of lightness over soft tissue; NaN where there is none."""
    if not soft.any():
        return float("nan")
    images = [lightness(image, soft) for image in (predicted, slide)]
    similar = structural_similarity(*images, win_size=SSIM_WINDOW_PX, full=True)[1]
    return float(similar[soft].mean())
