"""One plane through a generator as overlapping tiles, averaged (paper 2.9)."""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import pad

from virtual_staining.imaging.tile_starts import tile_starts


def reflect_to(image: torch.Tensor, size_px: int) -> torch.Tensor:
    """Grow the last two axes to at least ``size_px`` by reflection at the far edges.

    An axis shorter than half the size is reflected as often as it takes; one of a single pixel is
    repeated.
    """
    while min(image.shape[-2:]) < size_px:
        height, width = image.shape[-2:]
        right, down = max(size_px - width, 0), max(size_px - height, 0)
        mode = "reflect" if min(height, width) > 1 else "replicate"
        if mode == "reflect":
            right, down = min(right, width - 1), min(down, height - 1)
        image = pad(image[None], (0, right, 0, down), mode=mode)[0]
    return image


@torch.inference_mode()
def stain_plane(
    generator: Callable[[torch.Tensor], torch.Tensor],
    image: np.ndarray | torch.Tensor,
    patch_px: int,
    step_px: int,
    batch: int,
    device: str | torch.device,
    window: str = "uniform",
    inside: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Translate a plane tile by tile and average where tiles overlap.

    Tiles of the training's patch size keep the spatial frequencies that the generator has learnt
    (paper 2.9). Only the running sums are kept, so memory does not grow with the overlap.

    Parameters
    ----------
    generator : callable
        Maps (n, C, patch, patch) to (n, C', patch, patch); in evaluation mode, on ``device``.
    image : ndarray or Tensor, shape (C, H, W)
        Network range [-1, 1]. A plane smaller than a patch is reflected, and the result cropped.
    patch_px, step_px : int
        Tile size and distance of neighbouring tiles, pixels; ``step_px <= patch_px``.
    batch : int
        Tiles per call of the generator.
    device : str or torch.device
        Where the generator lies and the sums are kept.
    window : {'uniform', 'hann'}
        Weight of a tile's pixels: all the same, or falling to the tile's border.
    inside : Tensor of bool, shape (H, W), optional
        Pixels that are needed, at least one. Tiles that hold none are left out; what no tile covers
        is 0.

    Returns
    -------
    mean : Tensor, shape (C', H, W), float32
        Weighted mean over the tiles that cover a pixel, network range, on ``device``.
    deviation : Tensor, shape (C', H, W), float32
        Weighted standard deviation over those tiles; 0 under a single tile.

    Raises
    ------
    ValueError
        If the image is not (C, H, W), or sizes are not ``0 < step_px <= patch_px``.
    """
    if image.ndim != 3 or 0 in image.shape:
        raise ValueError(f"expected a plane (C, H, W), got shape {tuple(image.shape)}")
    if not 0 < step_px <= patch_px:
        raise ValueError(f"step_px ({step_px}) must lie between 1 and patch_px ({patch_px})")
    height, width = image.shape[1:]
    plane = reflect_to(torch.as_tensor(image).to(device, torch.float32), patch_px)
    corners = [
        (y, x)
        for y in tile_starts(plane.shape[1], patch_px, step_px)
        for x in tile_starts(plane.shape[2], patch_px, step_px)
        if inside is None or inside[y : y + patch_px, x : x + patch_px].any()
    ]
    weight = tile_weights(patch_px, window).to(device)
    total = squares = torch.empty(0)
    weights, count = torch.zeros((2, *plane.shape[1:]), device=device)
    for first in range(0, len(corners), batch):
        group = corners[first : first + batch]
        tiles = torch.stack([plane[:, y : y + patch_px, x : x + patch_px] for y, x in group])
        stained = generator(tiles).float()
        if first == 0:
            total = torch.zeros((stained.shape[1], *plane.shape[1:]), device=device)
            squares = torch.zeros_like(total)
        for tile, (y, x) in zip(stained, group, strict=True):
            here = (..., slice(y, y + patch_px), slice(x, x + patch_px))
            total[here] += weight * tile
            squares[here] += weight * tile.square()
            weights[here] += weight
            count[here] += 1
    weights[count == 0] = 1
    mean = total / weights
    # The mean of squares less the squared mean is off by rounding (1e-7) where all tiles agree.
    variance = (squares / weights - mean.square()).clamp_min(0)
    variance[:, count <= 1] = 0
    return mean[:, :height, :width], variance.sqrt()[:, :height, :width]


def tile_weights(patch_px: int, window: str) -> torch.Tensor:
    """Return the weights of a tile's pixels, shape (patch_px, patch_px).

    Parameters
    ----------
    patch_px : int
        Side of the tile.
    window : {'uniform', 'hann'}
        ``hann`` falls to the border, but not to 0: an edge of the plane lies under one tile alone.
    """
    if window == "uniform":
        return torch.ones(patch_px, patch_px)
    profile = torch.hann_window(patch_px + 2, periodic=False)[1:-1]
    return (profile[:, None] * profile).clamp_min(1e-3)
