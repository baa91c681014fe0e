"""Rows of a raw slide as 8-bit RGB, whatever its depth and transparency."""

from collections.abc import Callable

import numpy as np

from virtual_staining.readers.source import RawSlide

SAMPLE_PX = 1024  # about so many rows and columns give background and bit depth


def rgb_reader(slide: RawSlide) -> Callable[[int, int], np.ndarray]:
    """Return ``read(y0, y1)``, which returns those rows as uint8 (y1 - y0, x, 3).

    Transparent pixels get the slide's own background. Values of 16 bits are divided by the smallest
    camera range (8, 10, 12, 14 or 16 bits) that holds the brightest sampled value.
    """
    sample = _sample(slide)
    white = 255
    if slide.dtype == np.uint16:
        bits = max(8, int(sample[..., :3].max()).bit_length())
        white = 2 ** (bits + bits % 2) - 1
    opaque = 255 if slide.dtype == np.uint8 else 65535
    background = background_rgb(sample, opaque)

    def read(y0: int, y1: int) -> np.ndarray:
        rows = slide.read(y0, y1)
        if rows.dtype == np.uint8 and (rows.shape[2] == 3 or (rows[..., 3] == opaque).all()):
            return rows[..., :3]
        rgb = rows[..., :3].astype(np.float32)
        if rows.shape[2] == 4:
            alpha = rows[..., 3:].astype(np.float32) / opaque
            rgb = rgb * alpha + background * (1 - alpha)
        return np.clip(rgb * (255 / white) + 0.5, 0, 255).astype(np.uint8)

    return read


def _sample(slide: RawSlide) -> np.ndarray:
    """Return about ``SAMPLE_PX`` x ``SAMPLE_PX`` pixels from all over the slide."""
    height, width, _ = slide.shape
    step = max(1, width // SAMPLE_PX)
    rows = -(-max(slide.block, 16) // slide.block) * slide.block
    starts = range(0, height, max(rows, rows * (height // SAMPLE_PX)))
    bands = [slide.read(y, min(y + rows, height))[::step, ::step] for y in starts]
    return np.concatenate(bands)


def background_rgb(image: np.ndarray, opaque: int) -> np.ndarray:
    """Return the median colour of the brightest tenth of the opaque pixels, (3,).

    Parameters
    ----------
    image : ndarray, shape (y, x, 3 or 4)
        RGB or RGBA.
    opaque : int
        Alpha of an opaque pixel; without any opaque pixel the background is white.
    """
    pixels = image.reshape(-1, image.shape[2])
    if pixels.shape[1] == 4:
        pixels = pixels[pixels[:, 3] == opaque]
    if not len(pixels):
        return np.full(3, opaque, np.float32)
    brightness = pixels[:, :3].mean(1)
    bright = pixels[brightness >= np.quantile(brightness, 0.9), :3]
    return np.median(bright, axis=0).astype(np.float32)
