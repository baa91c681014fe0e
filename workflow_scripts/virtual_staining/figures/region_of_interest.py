"""The region of interest that the figures show magnified."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def choose_roi(slide: np.ndarray, mask: np.ndarray, size_px: int) -> tuple[int, int]:
    """Choose the window with the most structure among the windows that the mask covers best.

    Parameters
    ----------
    slide : ndarray, shape (y, x, 3), uint8
        The real slide; all models are shown in the window chosen from it.
    mask : ndarray, shape (y, x), bool
    size_px : int
        Side of the window, px; at most the shorter side of the slide.

    Returns
    -------
    (y, x)
        Upper left corner of the window. Of all windows whose covered fraction is within 0.01 of the
        best, it has the largest standard deviation of grey.
    """
    grey = slide.mean(axis=-1)
    covered = _window_means(mask.astype(float), size_px)
    variance = _window_means(grey**2, size_px) - _window_means(grey, size_px) ** 2
    variance[covered < covered.max() - 0.01] = -np.inf
    y, x = np.unravel_index(np.argmax(variance), variance.shape)
    return int(y), int(x)


def _window_means(image: np.ndarray, size_px: int) -> np.ndarray:
    """Return the mean over the window at each corner, from cumulative sums along both axes."""
    for axis in (0, 1):
        total = np.insert(np.cumsum(image, axis=axis), 0, 0, axis=axis)
        ends = sliding_window_view(total, size_px + 1, axis=axis)[..., [0, -1]]
        image = (ends[..., 1] - ends[..., 0]) / size_px
    return image
