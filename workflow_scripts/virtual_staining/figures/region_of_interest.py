"""The region of interest that is magnified in the figures."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def choose_roi(slide: np.ndarray, mask: np.ndarray, size_px: int) -> tuple[int, int]:
    """Choose the window with the most structure among those that the mask covers best.

    Parameters
    ----------
    slide : ndarray, shape (y, x, 3), uint8
        The real slide, so that all models are shown in the same window.
    mask : ndarray, shape (y, x), bool
    size_px : int
        Side of the window, pixels; at most the shorter axis.

    Returns
    -------
    (y, x)
        Corner of the window: of those whose covered part is within 1 % of the best, the one with
        the largest standard deviation of grey.
    """
    grey = slide.mean(axis=-1)
    covered = _window_means(mask.astype(float), size_px)
    variance = _window_means(grey**2, size_px) - _window_means(grey, size_px) ** 2
    variance[covered < covered.max() - 0.01] = -np.inf
    y, x = np.unravel_index(np.argmax(variance), variance.shape)
    return int(y), int(x)


def _window_means(image: np.ndarray, size_px: int) -> np.ndarray:
    for axis in (0, 1):
        total = np.insert(np.cumsum(image, axis=axis), 0, 0, axis=axis)
        ends = sliding_window_view(total, size_px + 1, axis=axis)[..., [0, -1]]
        image = (ends[..., 1] - ends[..., 0]) / size_px
    return image
