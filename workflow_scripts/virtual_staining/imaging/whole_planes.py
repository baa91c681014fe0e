"""A whole plane through a generator at once, and the mean over its mirror images."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import pad

Stained = tuple[torch.Tensor, torch.Tensor]


@torch.inference_mode()
def stain_whole_plane(
    generator: Callable[[torch.Tensor], torch.Tensor],
    plane: torch.Tensor,
    multiple_px: int,
    reach_px: int,
    band_px: int,
) -> torch.Tensor:
    """Translate a plane without tiles, in bands whose seams equal those of the plane at once.

    Each band passes through the generator with as many more rows on either side as the generator
    reaches, so that the result does not depend on the bands.

    Parameters
    ----------
    generator : callable
        Maps (1, C, h, w) to (1, C', h, w) for multiples of ``multiple_px``; an output pixel depends
        on input pixels up to ``reach_px`` away.
    plane : Tensor, shape (C, H, W)
        Network range [-1, 1], on the generator's device. The plane grows by reflection to a
        multiple of ``multiple_px``, by as much on either side, and the result is cropped.
    multiple_px, reach_px : int
        Facts of the generator; ``reach_px`` is a multiple of ``multiple_px``.
    band_px : int
        Largest number of pixels in a band, which bounds the memory; a band has at least
        ``multiple_px`` rows and its margins.

    Returns
    -------
    Tensor, shape (C', H, W), float32
    """
    height, width = plane.shape[1:]
    grown, top, left = _grow(plane, multiple_px)
    rows = max(band_px // grown.shape[2] - 2 * reach_px, multiple_px) // multiple_px * multiple_px
    bands = []
    for start in range(0, grown.shape[1], rows):
        first = max(start - reach_px, 0)
        last = min(start + rows + reach_px, grown.shape[1])
        stained = generator(grown[None, :, first:last])[0].float()
        bands.append(stained[:, start - first : start - first + rows])
    return torch.cat(bands, dim=1)[:, top : top + height, left : left + width]


def _grow(plane: torch.Tensor, multiple_px: int) -> tuple[torch.Tensor, int, int]:
    """Return the plane, grown to a multiple in height and width, and where the original begins."""
    missing = [-size % multiple_px for size in plane.shape[1:]]
    before = [size // 2 for size in missing]
    top, left = before
    margins = (left, missing[1] - left, top, missing[0] - top)
    # Reflection needs margins that are smaller than the plane.
    mode = "reflect" if max(margins) < min(plane.shape[1:]) else "replicate"
    return pad(plane[None], margins, mode=mode)[0], top, left


def needed_window(
    inside: np.ndarray, multiple_px: int, reach_px: int
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Return the part of a plane that the colours of some pixels depend on.

    :func:`stain_whole_plane` gives these pixels the same colours in that part as in the plane: as
    the part begins and ends a multiple of ``multiple_px`` from the plane's borders, it grows and is
    halved like the plane.

    Parameters
    ----------
    inside : ndarray of bool, shape (H, W)
        The pixels, at least one.
    multiple_px, reach_px : int
        As in :func:`stain_whole_plane`.

    Returns
    -------
    window : (slice, slice)
        Rows and columns of the part.
    within : ndarray of bool
        The pixels in the part.
    """
    margin = reach_px + multiple_px  # of the pixels by which the plane grows, too
    window = []
    for axis, size in enumerate(inside.shape):
        used = np.flatnonzero(inside.any(axis=1 - axis))
        before, after = (max(n - margin, 0) for n in (used[0], size - 1 - used[-1]))
        window.append(
            slice(before // multiple_px * multiple_px, size - after // multiple_px * multiple_px)
        )
    rows, columns = window
    return (rows, columns), inside[rows, columns]


def mean_over_flips(
    stain: Callable[[torch.Tensor, torch.Tensor | None], Stained],
    plane: torch.Tensor,
    inside: torch.Tensor | None = None,
) -> Stained:
    """Stain a plane and its mirror images along both axes, and average the four results.

    Parameters
    ----------
    stain : callable
        Maps a plane (C, H, W) and ``inside`` to mean and standard deviation, both (C', H, W).
    plane : Tensor, shape (C, H, W)
        The plane.
    inside : Tensor of bool, shape (H, W), optional
        Pixels that are needed; mirrored with the plane.

    Returns
    -------
    mean : Tensor, shape (C', H, W)
        Mean of the four means.
    deviation : Tensor, shape (C', H, W)
        Standard deviation of all values that the four results average.
    """
    total = squares = torch.zeros((), device=plane.device)
    for axes in ((), (1,), (2,), (1, 2)):
        needed = None if inside is None else inside.flip([axis - 1 for axis in axes])
        stained = stain(plane.flip(axes), needed)
        mean, deviation = (image.flip(axes) for image in stained)
        total = total + mean / 4
        squares = squares + (mean.square() + deviation.square()) / 4
    return total, (squares - total.square()).clamp_min(0).sqrt()
