"""Rows of a raw slide as 8-bit RGB, whatever its depth and transparency."""

import logging

import numpy as np

from virtual_staining.readers.source import RawSlide

log = logging.getLogger(__name__)

SAMPLE_PX = 1024  # about so many rows and columns give background and bit depth
CAMERA_BITS = (8, 10, 12, 14, 16)
OUTLIERS = 0.001  # the share of brightest values, such as scale bars, that tell no camera's range
GLASS_BRIGHTNESS = 0.6  # of white; what is darker is tissue, not glass
GLASS_TINT = 0.15  # glass differs by less between its channels, as a share of the brightest


class RgbReader:
    """Rows of a slide as uint8 RGB, and where the slide was scanned.

    Transparent pixels get the colour of the slide's glass, or white where only tissue is opaque.
    Values of 16 bits are divided by the largest value of the camera, see :func:`significant_bits`.

    Parameters
    ----------
    slide : RawSlide

    Attributes
    ----------
    has_gaps : bool
        Whether transparent pixels were not scanned. Where only tissue is opaque, somebody cut it
        out of its glass, and what is transparent counts as clean glass.
    """

    def __init__(self, slide: RawSlide):
        sample = _sample(slide)
        full = np.iinfo(slide.dtype).max
        bits = significant_bits(sample[..., :3], slide.bits, slide.name)
        self._slide, self._white = slide, 2**bits - 1
        self._opaque = None
        if sample.shape[2] == 4:
            self._opaque = opaque_alpha(sample[..., 3], self._white, slide.name)
        glass = glass_rgb(sample, self._opaque or full, self._white)
        self.has_gaps = self._opaque is not None and glass is not None
        self._background = np.full(3, self._white, np.float32) if glass is None else glass

    def __call__(self, y0: int, y1: int) -> np.ndarray:
        """Return rows as uint8 (y1 - y0, x, 3)."""
        return self.with_scanned(y0, y1)[0]

    def with_scanned(self, y0: int, y1: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return rows as uint8 (y1 - y0, x, 3), and which pixels were scanned, bool (y1 - y0, x).

        The latter is None for a slide without gaps.
        """
        rows = self._slide.read(y0, y1)
        opaque = self._opaque
        scanned = rows[..., 3] >= opaque if self.has_gaps else None
        transparent = opaque is not None and not (rows[..., 3] >= opaque).all()
        if rows.dtype == np.uint8 and not transparent:
            return rows[..., :3], scanned
        rgb = rows[..., :3].astype(np.float32)
        if transparent:
            alpha = np.minimum(rows[..., 3:].astype(np.float32) / opaque, 1)
            rgb = rgb if self._slide.premultiplied else rgb * alpha
            rgb = rgb + self._background * (1 - alpha)
        return np.clip(rgb * (255 / self._white) + 0.5, 0, 255).astype(np.uint8), scanned


def _sample(slide: RawSlide) -> np.ndarray:
    """Return about ``SAMPLE_PX`` x ``SAMPLE_PX`` pixels from all over the slide."""
    height, width, _ = slide.shape
    step = max(1, width // SAMPLE_PX)
    rows = -(-max(slide.block, 16) // slide.block) * slide.block
    starts = range(0, height, max(rows, rows * (height // SAMPLE_PX)))
    bands = [slide.read(y, min(y + rows, height))[::step, ::step] for y in starts]
    return np.concatenate(bands)


def significant_bits(rgb: np.ndarray, said: int, name: str) -> int:
    """Return how many of the bits of a colour value the camera uses.

    The file's metadata say so, unless the values are larger. Without them, it is the smallest range
    of a camera (8, 10, 12, 14 or 16 bits) that holds the values; padding and scale bars of the
    largest value are left out, as are the brightest 0.1 % of the others. The log says what was
    found in this way.

    Parameters
    ----------
    rgb : ndarray, shape (y, x, 3)
        uint8 or uint16.
    said : int
        Significant bits in the file's metadata, 0 where they say nothing.
    name : str
        The file, for the log.
    """
    stored = 8 * rgb.dtype.itemsize
    if stored == 8:
        return stored
    pixels = rgb.reshape(-1, 3)
    measured = pixels[(pixels < np.iinfo(rgb.dtype).max).all(1)]
    largest = int(np.quantile(measured.max(1), 1 - OUTLIERS)) if len(measured) else 2**stored - 1
    if 0 < said < stored and largest < 2**said:
        return said
    bits = next(n for n in CAMERA_BITS if largest < 2**n)
    if bits < stored:
        log.warning("%s: its colours use %d of %d bits; %d counts as white", name, bits, stored,
                    2**bits - 1)  # fmt: skip
    return bits


def opaque_alpha(alpha: np.ndarray, white: int, name: str) -> int | None:
    """Return the alpha of an opaque pixel, None where alpha says nothing.

    Alpha that is the same everywhere and not the largest value says nothing; the log tells so. In
    a file of fewer significant bits, alpha may have these bits too.
    """
    full = np.iinfo(alpha.dtype).max
    lowest, highest = int(alpha.min()), int(alpha.max())
    opaque = white if 0 < highest <= white else full
    if lowest == highest and highest != opaque:
        log.warning("%s: its alpha is %d everywhere, as if all were transparent; the alpha is left "
                    "out", name, highest)  # fmt: skip
        return None
    return opaque


def glass_rgb(image: np.ndarray, opaque: int, white: int | None = None) -> np.ndarray | None:
    """Return the colour of glass, (3,): the median of the brightest tenth of the opaque pixels.

    Where these pixels are dark or coloured, the section was cut out of its glass.

    Parameters
    ----------
    image : ndarray, shape (y, x, 3 or 4)
        RGB or RGBA.
    opaque : int
        Alpha of an opaque pixel.
    white : int, optional
        The largest value of a colour; ``opaque`` by default.

    Returns
    -------
    ndarray, float32, or None
        None where the section was cut out of its glass, and where no pixel is opaque.
    """
    white = opaque if white is None else white
    pixels = image.reshape(-1, image.shape[2])
    if pixels.shape[1] == 4:
        pixels = pixels[pixels[:, 3] >= opaque]
    if not len(pixels):
        return None
    brightness = pixels[:, :3].mean(1)
    bright = pixels[brightness >= np.quantile(brightness, 0.9), :3]
    glass = np.median(bright, axis=0).astype(np.float32)
    return glass if is_glass(glass, white) else None


def is_glass(rgb: np.ndarray, white: int) -> bool:
    """Say whether a colour (3,) is bright and without tint, ``white`` being the largest value."""
    return rgb.mean() >= GLASS_BRIGHTNESS * white and np.ptp(rgb) <= GLASS_TINT * rgb.max()
