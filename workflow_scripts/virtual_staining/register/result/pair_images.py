"""Resampling of the section onto the pair's grid in one step."""

import cv2
import numpy as np

from virtual_staining.register.result.pair_grid import PairGrid

BAND_PX = 128  # rows of the pair that are resampled at a time


def resample_slide(
    slide: np.ndarray, slide_pixel_um: float, pair_to_slide: np.ndarray, grid: PairGrid, fill
) -> np.ndarray:
    """Resample the section onto the pair's grid by area averages.

    The slide is interpolated on a grid that divides each pair pixel into a whole number of pixels
    no larger than the slide's own, and averaged over each pair pixel.

    Parameters
    ----------
    slide : ndarray, uint8 (y, x, 3)
    slide_pixel_um : float
        Pixel size of ``slide``, µm.
    pair_to_slide : ndarray, shape (2, 3)
        Pair µm → slide µm.
    grid : PairGrid
    fill : sequence of 3 numbers
        Colour outside the slide.

    Returns
    -------
    ndarray, uint8 (h, w, 3)
    """
    factor = max(1, int(np.ceil(grid.pixel_um / slide_pixel_um - 1e-6)))
    fine_um = grid.pixel_um / factor
    matrix = pair_to_slide.copy()
    # from µm, measured from outer corners, to indices of pixel centres, on both sides
    matrix[:, 2] += matrix[:, :2] @ [fine_um / 2, fine_um / 2]
    matrix[:, :2] *= fine_um
    matrix /= slide_pixel_um
    matrix[:, 2] -= 0.5
    out = np.empty((*grid.shape, 3), np.uint8)
    for top in range(0, grid.shape[0], BAND_PX):
        rows = min(BAND_PX, grid.shape[0] - top)
        band = matrix.copy()
        band[:, 2] += matrix[:, 1] * top * factor
        fine = cv2.warpAffine(
            slide,
            band,
            (grid.shape[1] * factor, rows * factor),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=[float(c) for c in fill],
        )
        out[top : top + rows] = cv2.resize(
            fine, (grid.shape[1], rows), interpolation=cv2.INTER_AREA
        )
    return out


def scanned_pixels(
    measured: np.ndarray, slide_pixel_um: float, pair_to_slide: np.ndarray, grid: PairGrid
) -> np.ndarray:
    """Return which pixels of the pair come from scanned pixels of the slide alone, bool (h, w).

    Parameters
    ----------
    measured : ndarray, bool (y, x)
        Which pixels of the slide were scanned.
    slide_pixel_um, pair_to_slide, grid
        As in :func:`resample_slide`.
    """
    share = np.repeat(measured[..., None], 3, axis=2).astype(np.uint8) * 255
    return resample_slide(share, slide_pixel_um, pair_to_slide, grid, [255] * 3)[..., 0] == 255
