"""Which stored samples of a TIFF's page are colours, and how they become red, green and blue."""

import cv2
import numpy as np
import tifffile

from virtual_staining.errors import InputError
from virtual_staining.readers.tiff_metadata import photometric

# With these the values are stored as they are; the decoder of JPEG turns brightness and colour
# differences into RGB itself.
PLAIN = {
    tifffile.COMPRESSION.NONE, tifffile.COMPRESSION.LZW, tifffile.COMPRESSION.PACKBITS,
    tifffile.COMPRESSION.ADOBE_DEFLATE, tifffile.COMPRESSION.DEFLATE, tifffile.COMPRESSION.LZMA,
    tifffile.COMPRESSION.ZSTD, tifffile.COMPRESSION.ZSTD_DEPRECATED,
}  # fmt: skip
ALPHAS = {tifffile.EXTRASAMPLE.ASSOCALPHA: True, tifffile.EXTRASAMPLE.UNASSALPHA: False}


def colour_samples(extra: tuple) -> tuple[list[int], bool]:
    """Return the samples that are colours and alpha, and whether alpha is multiplied in."""
    for position, kind in enumerate(extra, start=3):
        if kind in ALPHAS:
            return [0, 1, 2, position], ALPHAS[kind]
    return [0, 1, 2], False


def holds_differences(tif: tifffile.TiffFile, page: tifffile.TiffPage) -> bool:
    """Say whether the decoded values are brightness and colour differences (YCbCr).

    Raises
    ------
    InputError
        If they are stored in a form that tifffile does not decode.
    """
    if page.compression == tifffile.COMPRESSION.APERIO_JP2000_YCBC:
        return True
    if photometric(page) != "YCBCR" or page.compression not in PLAIN:
        return False
    black_white = page.tags.valueof("ReferenceBlackWhite")
    if page.is_subsampled or (black_white is not None and not _full_range(black_white)):
        raise InputError(
            f"{tif.filehandle.path}: holds YCBCR pixels in a rare form (fewer colours than "
            "brightnesses, or black that is not 0); export the slide as RGB"
        )
    return True


def _full_range(black_white: tuple[int, ...]) -> bool:
    """Say whether ReferenceBlackWhite, six fractions, is 0 to the largest value for brightness."""
    black, white = (black_white[n] / max(black_white[n + 1], 1) for n in (0, 2))
    return black == 0 and white in (255, 65535)


def rgb_of_differences(stored: np.ndarray) -> np.ndarray:
    """Return brightness and colour differences (YCbCr as in JPEG, ITU-R BT.601) as RGB.

    Parameters
    ----------
    stored : ndarray, shape (y, x, 3 or 4)
        uint8 or uint16: Y, Cb, Cr and perhaps alpha, which stays.
    """
    colours = stored.copy()
    y_cr_cb = np.ascontiguousarray(stored[..., [0, 2, 1]])
    colours[..., :3] = cv2.cvtColor(y_cr_cb, cv2.COLOR_YCrCb2RGB)
    return colours
